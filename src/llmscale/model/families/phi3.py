"""Phi-3, 3.5-mini, 4 and 4-mini (transformers 5.23 `Phi3Config`): LLaMA's arithmetic, q, k, v and gate, up fused."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.mlp import GatedMlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, decoder, text_spec
from llmscale.model.families._window import windows
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("phi3",)


def read(c: Config) -> ModelSpec:
    """Read a Phi-3 or Phi-4 config; `Phi3Attention` reads no bias switch, so ``attention_bias`` changes nothing."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    intermediate = c.hidden("intermediate_size")
    heads, kv_heads, head_dim = c.heads(hidden)
    c.ignore("attention_bias", "mlp_bias", "lm_head_bias", "full_attn_mod", "interpolate_factor")

    def blocks(window: int | None) -> Iterator[Named]:
        yield "input_layernorm", Norm(hidden)
        yield "self_attn", Attention(hidden, heads, kv_heads, head_dim, names=("qkv_proj", "o_proj"), window=window)
        yield "post_attention_layernorm", Norm(hidden)
        yield "mlp", GatedMlp(hidden, intermediate, ("gate_up_proj", "down_proj"))

    tied = c.flag("tie_word_embeddings")
    placed = decoder(c, windows(c, layers), blocks, vocab=vocab, hidden=hidden, norm=Norm(hidden), tied=tied)
    return text_spec(
        c, placed, layers=layers, hidden=hidden, intermediate=intermediate, vocab=vocab, context=c.positions()
    )
