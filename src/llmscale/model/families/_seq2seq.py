"""The layers that BART, its kin and Whisper share: biased attention, biased MLP of two matrices, LayerNorms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.mlp import Mlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._stack import Named

NAMES = ("q_proj", "k_proj", "v_proj", "out_proj")


def encoder_layer(hidden: int, heads: int, intermediate: int, k_bias: bool = True) -> Iterator[Named]:
    """Self-attention and MLP; whether the norms stand before or behind changes no tensor."""
    norm = Norm(hidden, bias=True)
    yield "self_attn", _attention(hidden, heads, k_bias, cached=False)
    yield "self_attn_layer_norm", norm
    yield "", Mlp(hidden, intermediate, ("fc1", "fc2"), bias=True)
    yield "final_layer_norm", norm


def decoder_layer(
    hidden: int, heads: int, intermediate: int, k_bias: bool = True, source_tokens: int | None = None
) -> Iterator[Named]:
    """The same with attention to the encoder's tokens in between."""
    norm = Norm(hidden, bias=True)
    yield "self_attn", _attention(hidden, heads, k_bias)
    yield "self_attn_layer_norm", norm
    heard = _attention(hidden, heads, k_bias)
    yield "encoder_attn", replace(heard, source="cross", source_tokens=source_tokens)
    yield "encoder_attn_layer_norm", norm
    yield "", Mlp(hidden, intermediate, ("fc1", "fc2"), bias=True)
    yield "final_layer_norm", norm


def _attention(hidden: int, heads: int, k_bias: bool, cached: bool = True) -> Attention:
    return Attention(
        hidden,
        heads,
        heads,
        hidden // heads,
        names=NAMES,
        qkv_bias=True,
        k_bias=k_bias,
        out_bias=True,
        cached=cached,
    )
