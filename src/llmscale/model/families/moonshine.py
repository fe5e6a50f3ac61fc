"""Moonshine (arXiv:2410.15608; transformers 5.23 `MoonshineConfig`): encoder-decoder over the wave, rotary positions.

Three convolutions, LayerNorms without shift, unbiased attention; only the decoder's MLPs are gated, both halves in one
matrix. Defaults as in that class, the tiny model's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.convolution import Convolution
from llmscale.model.blocks.embedding import Embedding, Head
from llmscale.model.blocks.mlp import GatedMlp, Mlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_HEADS, MAX_LAYERS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, place, stack, text_spec
from llmscale.model.spec import ModelSpec, PlacedBlock

MODEL_TYPES = ("moonshine",)
#: Kernels of the three convolutions.
KERNELS = (127, 7, 3)


def read(c: Config) -> ModelSpec:
    """Read a Moonshine config."""
    hidden, vocab = c.hidden(), c.vocab()
    intermediate = c.hidden("intermediate_size")
    tied = c.flag("tie_word_embeddings", default=True)
    # Heads are padded for a kernel's sake while it runs, not in the checkpoint.
    c.ignore("pad_head_dim_to_multiple_of", "encoder_hidden_act", "decoder_hidden_act")
    if c.get("encoder_num_key_value_heads") != c.get("decoder_num_key_value_heads"):
        # The class would take the encoder's for both.
        raise c.unsupported("has other KV heads in the encoder than in the decoder")
    head = c.head("ForConditionalGeneration")
    base = "" if head == "Model" else "model."
    listening = _layers(c, "encoder", f"{base}encoder", _encoder_layer, intermediate)
    speaking = _layers(c, "decoder", f"{base}decoder", _decoder_layer, intermediate)
    placed = [
        *_convolutions(f"{base}encoder", hidden),
        *listening,
        place(f"{base}encoder.layer_norm", Norm(hidden)),
        place(f"{base}decoder.embed_tokens", Embedding(vocab, hidden)),
        *speaking,
        place(f"{base}decoder.norm", Norm(hidden)),
    ]
    if head == "ForConditionalGeneration":
        tied_to = f"{base}decoder.embed_tokens.weight" if tied else None
        placed.append(place("proj_out", Head(vocab, hidden, tied_to)))
    elif head != "Model":
        raise c.unsupported(f"is a {c.architecture('')}")
    layers = sum(_depth(c, side) for side in ("encoder", "decoder"))
    return text_spec(
        c, placed, layers=layers, hidden=hidden, intermediate=intermediate, vocab=vocab, context=c.positions()
    )


def _convolutions(encoder: str, hidden: int) -> list[PlacedBlock]:
    """What the wave goes through first."""
    first, second, third = KERNELS
    return [
        place(f"{encoder}.conv1", Convolution("embedding.convolution", hidden, 1, (first,), bias=False)),
        place(f"{encoder}.groupnorm", Norm(hidden, bias=True)),
        place(f"{encoder}.conv2", Convolution("embedding.convolution", 2 * hidden, hidden, (second,))),
        place(f"{encoder}.conv3", Convolution("embedding.convolution", hidden, 2 * hidden, (third,))),
    ]


def _depth(c: Config, side: str) -> int:
    return c.number(f"{side}_num_hidden_layers", default=6, high=MAX_LAYERS)


def _layers(
    c: Config, side: str, prefix: str, layer: Callable[[Attention, int], Iterator[Named]], intermediate: int
) -> list[PlacedBlock]:
    """All layers of the encoder or of the decoder."""
    attention = _attention(c, side)
    return stack(f"{prefix}.layers.{{layer}}", [None] * _depth(c, side), lambda _: layer(attention, intermediate))


def _attention(c: Config, side: str) -> Attention:
    hidden, bias = c.hidden(), c.flag("attention_bias")
    # The class takes the encoder's heads for both sides.
    c.ignore("decoder_num_attention_heads", "decoder_num_key_value_heads")
    heads = c.number("encoder_num_attention_heads", default=8, high=MAX_HEADS)
    kv_heads = c.number("encoder_num_key_value_heads", default=heads, high=heads)
    if hidden % heads or heads % kv_heads:
        raise c.error(f"has {heads} heads and {kv_heads} KV heads at a width of {hidden}")
    return Attention(hidden, heads, kv_heads, hidden // heads, qkv_bias=bias, cached=side == "decoder")


def _encoder_layer(attention: Attention, intermediate: int) -> Iterator[Named]:
    hidden = attention.hidden
    yield "input_layernorm", Norm(hidden)
    yield "self_attn", attention
    yield "post_attention_layernorm", Norm(hidden)
    yield "mlp", Mlp(hidden, intermediate, ("fc1", "fc2"), bias=True)


def _decoder_layer(attention: Attention, intermediate: int) -> Iterator[Named]:
    hidden = attention.hidden
    yield "input_layernorm", Norm(hidden)
    yield "self_attn", attention
    yield "post_attention_layernorm", Norm(hidden)
    yield "encoder_attn", replace(attention, source="cross")
    yield "final_layernorm", Norm(hidden)
    yield "mlp", GatedMlp(hidden, intermediate, ("fc1", "fc2"), bias=True)
