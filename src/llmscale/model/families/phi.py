"""Phi-1, 1.5 and 2 (transformers 5.23 `PhiConfig`): attention and MLP side by side, biases everywhere, head too."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.mlp import Mlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, Names, decoder, text_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("phi",)


def read(c: Config) -> ModelSpec:
    """Read a Phi-1, 1.5 or 2 config."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    intermediate = c.hidden("intermediate_size")
    heads, kv_heads, head_dim = c.heads(hidden)
    qk_norm = (head_dim, head_dim) if c.flag("qk_layernorm") else None

    def blocks(_: None) -> Iterator[Named]:
        yield "input_layernorm", Norm(hidden, bias=True)
        yield (
            "self_attn",
            Attention(
                hidden,
                heads,
                kv_heads,
                head_dim,
                names=("q_proj", "k_proj", "v_proj", "dense"),
                qkv_bias=True,
                out_bias=True,
                qk_norm=qk_norm,
                qk_norm_names=("q_layernorm", "k_layernorm"),
                qk_norm_bias=True,
            ),
        )
        yield "mlp", Mlp(hidden, intermediate, ("fc1", "fc2"), bias=True)

    placed = decoder(
        c,
        [None] * layers,
        blocks,
        vocab=vocab,
        hidden=hidden,
        norm=Norm(hidden, bias=True),
        tied=c.flag("tie_word_embeddings"),
        names=Names(norm="final_layernorm"),
        head_bias=True,
    )
    return text_spec(
        c, placed, layers=layers, hidden=hidden, intermediate=intermediate, vocab=vocab, context=c.positions()
    )
