"""Persimmon-8B (Adept 2023; transformers 5.23 `PersimmonConfig`): LayerNorms and biases everywhere but on the head.

q, k, v fused; each query and key head is normalised (``qk_layernorm``); head not tied.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.mlp import Mlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, Names, decoder, text_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("persimmon",)


def read(c: Config) -> ModelSpec:
    """Read a Persimmon config."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    intermediate = c.hidden("intermediate_size")
    heads, kv_heads, head_dim = c.heads(hidden, kv=())
    attention = Attention(
        hidden,
        heads,
        kv_heads,
        head_dim,
        names=("query_key_value", "dense"),
        qkv_bias=True,
        out_bias=True,
        qk_norm=(head_dim, head_dim) if c.flag("qk_layernorm", default=True) else None,
        qk_norm_names=("q_layernorm", "k_layernorm"),
        qk_norm_bias=True,
    )

    def blocks(_: None) -> Iterator[Named]:
        yield "input_layernorm", Norm(hidden, bias=True)
        yield "self_attn", attention
        yield "post_attention_layernorm", Norm(hidden, bias=True)
        yield "mlp", Mlp(hidden, intermediate, ("dense_h_to_4h", "dense_4h_to_h"), bias=True)

    placed = decoder(
        c,
        [None] * layers,
        blocks,
        vocab=vocab,
        hidden=hidden,
        norm=Norm(hidden, bias=True),
        tied=c.flag("tie_word_embeddings"),
        names=Names(norm="final_layernorm"),
    )
    return text_spec(
        c, placed, layers=layers, hidden=hidden, intermediate=intermediate, vocab=vocab, context=c.positions()
    )
