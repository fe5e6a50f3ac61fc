"""Pixtral's vision tower (arXiv:2410.07073; transformers 5.23 `PixtralVisionConfig`): LLaMA's layers over patches.

RMS norms, gated MLP, rotary positions in two dimensions, no biases. Defaults as in that class.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import QKVO
from llmscale.model.blocks.mlp import GatedMlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.blocks.vision import PatchEmbedding
from llmscale.model.families._bounds import MAX_HEADS, MAX_LAYERS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, encoder_attention, place, stack, vision_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("pixtral",)


def read(c: Config) -> ModelSpec:
    """Read a Pixtral vision config; the head dimension is always the width over the heads."""
    hidden = c.number("hidden_size", default=1024)
    layers = c.number("num_hidden_layers", default=24, high=MAX_LAYERS)
    intermediate = c.number("intermediate_size", default=4096)
    heads = c.number("num_attention_heads", default=16, high=MAX_HEADS)
    image, patch = c.number("image_size", default=1024), c.number("patch_size", default=16)
    channels = c.number("num_channels", default=3)
    c.ignore("vocab_size")
    if c.number("head_dim", default=hidden // heads, high=MAX_HEADS) * heads != hidden:
        raise c.error(f"has {heads} heads that do not add up to its width of {hidden}")
    if c.head("Model") != "Model":
        raise c.unsupported(f"is a {c.architecture('')}")

    def blocks(_: None) -> Iterator[Named]:
        yield "attention_norm", Norm(hidden)
        yield "attention", encoder_attention(c, hidden, heads, QKVO, bias=False, out_bias=False)
        yield "ffn_norm", Norm(hidden)
        yield "feed_forward", GatedMlp(hidden, intermediate)

    placed = [
        place(f"{c.prefix}patch_conv", PatchEmbedding(hidden, channels, patch, bias=False)),
        place(f"{c.prefix}ln_pre", Norm(hidden)),
        *stack(f"{c.prefix}transformer.layers.{{layer}}", [None] * layers, blocks),
    ]
    tokens = (image // patch) ** 2
    return vision_spec(c, placed, layers=layers, hidden=hidden, intermediate=intermediate, sequence=tokens)
