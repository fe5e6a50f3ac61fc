"""The attention that Qwen 2 and 3 share with their mixtures of experts, and their dense models."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.mlp import GatedMlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, decoder, text_spec
from llmscale.model.families._window import late_windows
from llmscale.model.spec import ModelSpec

#: model_type -> KV heads where none are given
KV_HEADS = {
    "qwen2": 32,
    "qwen3": 32,
    "qwen2_moe": 16,
    "qwen3_moe": 4,
    "qwen2_vl": 8,
    "qwen2_vl_text": 8,
    "qwen2_5_vl": 8,
    "qwen2_5_vl_text": 8,
    "qwen3_vl_text": 32,
    "qwen3_vl_moe_text": 16,
}


def attention(c: Config, hidden: int, window: int | None, third: bool) -> Attention:
    """Attention that normalises queries and keys in the third generation, and biases them in those before."""
    head_dim_default = 128 if c.model_type in ("qwen3", "qwen3_vl_text") else None
    heads, kv_heads, head_dim = c.heads(hidden, kv_default=KV_HEADS[c.model_type], head_dim=head_dim_default)
    if third and not c.flag("use_qk_norm", default=True):
        raise c.unsupported("switches use_qk_norm off")
    bias = c.flag("attention_bias") if third else c.flag("qkv_bias", default=True)
    qk_norm = (head_dim, head_dim) if third else None
    return Attention(
        hidden, heads, kv_heads, head_dim, qkv_bias=bias, out_bias=bias and third, qk_norm=qk_norm, window=window
    )


def build(c: Config) -> ModelSpec:
    """A dense model of Qwen 1.5, 2, 2.5 or 3."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    intermediate = c.hidden("intermediate_size")
    third = c.model_type in ("qwen3", "qwen3_vl_text")

    def blocks(window: int | None) -> Iterator[Named]:
        yield "input_layernorm", Norm(hidden)
        yield "self_attn", attention(c, hidden, window, third)
        yield "post_attention_layernorm", Norm(hidden)
        yield "mlp", GatedMlp(hidden, intermediate)

    tied = c.flag("tie_word_embeddings")
    placed = decoder(c, late_windows(c, layers), blocks, vocab=vocab, hidden=hidden, norm=Norm(hidden), tied=tied)
    return text_spec(
        c, placed, layers=layers, hidden=hidden, intermediate=intermediate, vocab=vocab, context=c.positions()
    )
