"""OLMo 1 (arXiv:2402.00838; transformers 5.23 `OlmoConfig`): LLaMA's matrices; the norms have no weights at all."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.mlp import GatedMlp
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, decoder, text_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("olmo",)


def read(c: Config) -> ModelSpec:
    """Read an OLMo 1 config (``clip_qkv`` clamps activations)."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    intermediate = c.hidden("intermediate_size")
    heads, kv_heads, head_dim = c.heads(hidden)
    bias = c.flag("attention_bias")
    c.ignore("clip_qkv")

    def blocks(_: None) -> Iterator[Named]:
        yield "self_attn", Attention(hidden, heads, kv_heads, head_dim, qkv_bias=bias, out_bias=bias)
        yield "mlp", GatedMlp(hidden, intermediate)

    tied = c.flag("tie_word_embeddings")
    placed = decoder(c, [None] * layers, blocks, vocab=vocab, hidden=hidden, norm=None, tied=tied)
    return text_spec(
        c, placed, layers=layers, hidden=hidden, intermediate=intermediate, vocab=vocab, context=c.positions()
    )
