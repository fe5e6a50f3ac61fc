"""The tower of GLM-OCR and GLM-5.3 (transformers 5.24 `GlmOcrVisionConfig`, `Glm5NextVisionConfig`).

GLM-4.1V's without a position table; projections and MLPs are biased, query and key heads have norms.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.convolution import Convolution
from llmscale.model.blocks.linear import Linear
from llmscale.model.blocks.mlp import GatedMlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.blocks.vision import PatchEmbedding
from llmscale.model.families._bounds import MAX_HEADS, MAX_LAYERS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, encoder_attention, place, stack
from llmscale.model.spec import PlacedBlock


def plain_tower(c: Config) -> list[PlacedBlock]:
    """The tower and its gated merger, which is as wide as ``projection_intermediate_size`` or a width a channel."""
    hidden, layers = c.number("hidden_size", default=1024), c.number("depth", default=24, high=MAX_LAYERS)
    heads = c.number("num_heads", default=16, high=MAX_HEADS)
    patch, frames = c.number("patch_size", default=14), c.number("temporal_patch_size", default=2)
    channels, merge = c.number("in_channels", default=3), c.number("spatial_merge_size", default=2, high=MAX_HEADS)
    intermediate, out = c.number("intermediate_size", default=4096), c.number("out_hidden_size", default=1536)
    wide = c.number("projection_intermediate_size", default=out * channels)
    bias, each = c.flag("attention_bias", default=True), hidden // heads
    c.ignore("image_size", "swiglu_limit")

    def blocks(_: None) -> Iterator[Named]:
        norms, names = (each, each), ("qkv", "proj")
        yield "norm1", Norm(hidden)
        yield "attn", encoder_attention(c, hidden, heads, names, bias=bias, out_bias=bias, qk_norm=norms)
        yield "norm2", Norm(hidden)
        yield "mlp", GatedMlp(hidden, intermediate, bias=bias)

    base = c.prefix
    downsample = Convolution("projector.downsample", out, hidden, (merge, merge))
    return [
        place(f"{base}patch_embed.proj", PatchEmbedding(hidden, channels, patch, frames=frames), tower="vision"),
        *stack(f"{base}blocks.{{layer}}", [None] * layers, blocks, "vision"),
        place(f"{base}post_layernorm", Norm(hidden), tower="vision"),
        place(f"{base}downsample", downsample, tower="projector"),
        *(place(f"{base}merger.{name}", block, tower="projector") for name, block in merger(out, wide)),
    ]


def merger(out: int, wide: int) -> list[Named]:
    """What makes merged patches as wide as the text model: the same in all of GLM's towers."""
    return [
        ("proj", Linear("projector.linear", out, out)),
        ("post_projection_norm", Norm(out, bias=True)),
        ("gate_proj", Linear("projector.gate", wide, out)),
        ("up_proj", Linear("projector.up", wide, out)),
        ("down_proj", Linear("projector.down", out, wide)),
    ]
