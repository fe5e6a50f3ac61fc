"""InternLM 2 (arXiv:2403.17297; modeling_internlm2.py): LLaMA's arithmetic under names of its own, q, k, v fused."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.mlp import GatedMlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, Names, decoder, text_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("internlm2",)


def read(c: Config) -> ModelSpec:
    """Read an InternLM 2 or 2.5 config."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    intermediate = c.hidden("intermediate_size")
    heads, kv_heads, head_dim = c.heads(hidden)
    bias = c.flag("bias")

    def blocks(_: None) -> Iterator[Named]:
        yield "attention_norm", Norm(hidden)
        yield (
            "attention",
            Attention(hidden, heads, kv_heads, head_dim, names=("wqkv", "wo"), qkv_bias=bias, out_bias=bias),
        )
        yield "ffn_norm", Norm(hidden)
        yield "feed_forward", GatedMlp(hidden, intermediate, ("w1", "w3", "w2"))

    tied = c.flag("tie_word_embeddings")
    names = Names(embed="tok_embeddings", head="output")
    placed = decoder(c, [None] * layers, blocks, vocab=vocab, hidden=hidden, norm=Norm(hidden), tied=tied, names=names)
    return text_spec(
        c, placed, layers=layers, hidden=hidden, intermediate=intermediate, vocab=vocab, context=c.positions()
    )
