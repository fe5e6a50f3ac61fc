"""OLMo 2 (arXiv:2501.00656; transformers 5.23 `Olmo2Config`) and 3 (`Olmo3Config`).

Norms stand after attention and MLP instead of before, and over all queries and all keys at once. OLMo 3 slides
three layers of four over 4096 tokens unless the file says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.mlp import GatedMlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, decoder, text_spec
from llmscale.model.families._window import windows
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("olmo2", "olmo3")


def read(c: Config) -> ModelSpec:
    """Read an OLMo 2 or 3 config."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    intermediate = c.hidden("intermediate_size")
    heads, kv_heads, head_dim = c.heads(hidden)
    bias = c.flag("attention_bias")
    sliding = windows(c, layers, 4, default=4096) if c.model_type == "olmo3" else [None] * layers

    def blocks(window: int | None) -> Iterator[Named]:
        qk_norm = (heads * head_dim, kv_heads * head_dim)
        yield (
            "self_attn",
            Attention(hidden, heads, kv_heads, head_dim, qkv_bias=bias, out_bias=bias, qk_norm=qk_norm, window=window),
        )
        yield "post_attention_layernorm", Norm(hidden)
        yield "mlp", GatedMlp(hidden, intermediate)
        yield "post_feedforward_layernorm", Norm(hidden)

    tied = c.flag("tie_word_embeddings")
    placed = decoder(c, sliding, blocks, vocab=vocab, hidden=hidden, norm=Norm(hidden), tied=tied)
    return text_spec(
        c, placed, layers=layers, hidden=hidden, intermediate=intermediate, vocab=vocab, context=c.positions()
    )
