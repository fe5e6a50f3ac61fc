"""Qwen2-VL (arXiv:2409.12191) and Qwen2.5-VL (arXiv:2502.13923): Qwen 2 text behind a vision transformer for video.

Sources: transformers 5.23 `Qwen2VLConfig`, `Qwen2_5_VLConfig`. The first tower has LayerNorms and plain MLPs, the
second RMS norms and gated ones; both end in a merger of four patches. Published files keep the text's
keys at the top, later ones in ``text_config``, some in both.
Names as in huggingface.co/Qwen/Qwen2.5-VL-7B-Instruct.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from llmscale.model.blocks.linear import Linear
from llmscale.model.blocks.mlp import GatedMlp, Mlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.blocks.vision import PatchEmbedding
from llmscale.model.families._bounds import MAX_HEADS, MAX_LAYERS
from llmscale.model.families._config import Config
from llmscale.model.families._parts import text_part, tied
from llmscale.model.families._qwen2 import build
from llmscale.model.families._stack import Named, encoder_attention, place, stack
from llmscale.model.spec import ModelSpec, PlacedBlock

MODEL_TYPES = ("qwen2_vl", "qwen2_5_vl")
#: The text's keys, which count for nothing at the top of a file that has ``text_config``.
TEXT_KEYS = (
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "vocab_size",
    "max_position_embeddings",
    "sliding_window",
    "use_sliding_window",
    "max_window_layers",
    "layer_types",
)


def read(c: Config) -> ModelSpec:
    """Read a Qwen2-VL or Qwen2.5-VL config."""
    nested = c.get("text_config") is not None
    if nested:
        c.ignore(*TEXT_KEYS)
        text = text_part(c, "", tied=tied(c, either=True), model_type=f"{c.model_type}_text")
    else:
        text = build(c)
    vision = c.part("vision_config", "visual.")
    placed = _second(vision) if c.model_type == "qwen2_5_vl" else _first(vision)
    return replace(text, family=c.model_type, placed=(*placed, *text.placed))


def _first(c: Config) -> list[PlacedBlock]:
    hidden = c.number("embed_dim", default=1280)
    ratio = c.number("mlp_ratio", default=4, high=MAX_HEADS)
    out = c.number("hidden_size", default=3584)
    mlp = Mlp(hidden, ratio * hidden, ("fc1", "fc2"), bias=True)
    return _tower(c, hidden, out, Norm(hidden, bias=True), mlp)


def _second(c: Config) -> list[PlacedBlock]:
    hidden = c.hidden()
    intermediate = c.number("intermediate_size", default=3420)
    out = c.number("out_hidden_size", default=3584)
    c.ignore("window_size", "fullatt_block_indexes", "tokens_per_second")
    return _tower(c, hidden, out, Norm(hidden), GatedMlp(hidden, intermediate, bias=True))


def _tower(c: Config, hidden: int, out: int, norm: Norm, mlp: Mlp | GatedMlp) -> list[PlacedBlock]:
    layers = c.number("depth", default=32, high=MAX_LAYERS)
    heads = c.number("num_heads", default=16, high=MAX_HEADS)
    patch, frames = c.number("patch_size", default=14), c.number("temporal_patch_size", default=2)
    channels = c.number("in_channels", "in_chans", default=3)
    merged = hidden * c.number("spatial_merge_size", default=2, high=MAX_HEADS) ** 2
    c.ignore("spatial_patch_size", "in_chans")

    def blocks(_: None) -> Iterator[Named]:
        yield "norm1", norm
        names = ("qkv", "proj")
        yield "attn", encoder_attention(c, hidden, heads, names)
        yield "norm2", norm
        yield "mlp", mlp

    pixels = PatchEmbedding(hidden, channels, patch, bias=False, frames=frames)
    merger: list[Named] = [
        ("ln_q", norm),
        ("mlp.0", Linear("projector.up", merged, merged, bias=True)),
        ("mlp.2", Linear("projector.down", out, merged, bias=True)),
    ]
    return [
        place(f"{c.prefix}patch_embed.proj", pixels, tower="vision"),
        *stack(f"{c.prefix}blocks.{{layer}}", [None] * layers, blocks, "vision"),
        *(place(f"{c.prefix}merger.{name}", block, tower="projector") for name, block in merger),
    ]
