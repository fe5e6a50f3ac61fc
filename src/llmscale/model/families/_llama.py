"""The shape of LLaMA (arXiv:2302.13971), and what sets other models of that shape apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from llmscale.model.blocks.attention import QKVO, Attention
from llmscale.model.blocks.mlp import GatedMlp, Mlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, decoder, text_spec
from llmscale.model.families._window import windows
from llmscale.model.spec import ModelSpec
from llmscale.records import NamedTuple


class Variant(NamedTuple):
    """What a model of LLaMA's shape does otherwise.

    Attributes:
        qkv_bias, out_bias, mlp_bias: which matrices carry a bias.
        layer_norm: whether norms shift besides scaling.
        qk_norm_names: names of the norms of query and key heads; None where there are none.
        attention_names: as `Attention.names`.
        plain_mlp: names of the two matrices of an MLP without a gate.
        tied: what a file means that leaves out ``tie_word_embeddings``.
        kv_heads, head_dim: what a file means that leaves them out; None for as many as heads, and hidden / heads.
        window: what a file means that leaves out ``sliding_window``.
    """

    qkv_bias: bool = False
    out_bias: bool = False
    mlp_bias: bool = False
    layer_norm: bool = False
    qk_norm_names: tuple[str, str] | None = None
    attention_names: tuple[str, ...] = QKVO
    plain_mlp: tuple[str, str] | None = None
    tied: bool = False
    kv_heads: int | None = None
    head_dim: int | None = None
    window: int | None = None


def build(c: Config, variant: Variant) -> ModelSpec:
    """A LLaMA-shaped model with these differences."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    intermediate = c.hidden("intermediate_size")
    attention = _attention(c, hidden, variant)
    mlp: Mlp | GatedMlp = GatedMlp(hidden, intermediate, bias=variant.mlp_bias)
    if variant.plain_mlp:
        mlp = Mlp(hidden, intermediate, variant.plain_mlp, variant.mlp_bias)
    norm = Norm(hidden, bias=variant.layer_norm)

    def blocks(window: int | None) -> Iterator[Named]:
        yield "input_layernorm", norm
        yield "self_attn", replace(attention, window=window)
        yield "post_attention_layernorm", norm
        yield "mlp", mlp

    tied = c.flag("tie_word_embeddings", default=variant.tied)
    sliding = windows(c, layers, default=variant.window)
    placed = decoder(c, sliding, blocks, vocab=vocab, hidden=hidden, norm=norm, tied=tied)
    context = c.positions("max_position_embeddings", "model_max_length", "max_sequence_length")
    return text_spec(c, placed, layers=layers, hidden=hidden, intermediate=intermediate, vocab=vocab, context=context)


def _attention(c: Config, hidden: int, variant: Variant) -> Attention:
    heads, kv_heads, head_dim = c.heads(hidden, kv_default=variant.kv_heads, head_dim=variant.head_dim)
    attention = Attention(
        hidden,
        heads,
        kv_heads,
        head_dim,
        names=variant.attention_names,
        qkv_bias=variant.qkv_bias,
        out_bias=variant.out_bias,
    )
    if variant.qk_norm_names:
        return replace(attention, qk_norm=(head_dim, head_dim), qk_norm_names=variant.qk_norm_names)
    return attention
