"""Kimi K2.5 and later (arXiv:2602.02276) and Kimi-VL (arXiv:2504.07491): DeepSeek's text behind MoonViT.

Sources: transformers 5.24 `Kimi_K25Config`; names as in huggingface.co/moonshotai/Kimi-K2.5 (its
``conversion_mapping.py`` has both). The position table is of the image alone: time is added from a fixed sine.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from llmscale.model.blocks.linear import Linear, Parameter
from llmscale.model.blocks.mlp import Mlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.blocks.vision import PatchEmbedding
from llmscale.model.families._bounds import MAX_HEADS, MAX_LAYERS
from llmscale.model.families._config import Config
from llmscale.model.families._parts import text_part, tied, whole
from llmscale.model.families._stack import Named, encoder_attention, place, stack
from llmscale.model.spec import ModelSpec, PlacedBlock

MODEL_TYPES = ("kimi_k25", "kimi_vl")
#: model_type -> the projector, and its two matrices, as the published checkpoint names them
PROJECTOR = {
    "kimi_k25": ("mm_projector", "proj.0", "proj.2"),
    "kimi_vl": ("multi_modal_projector", "linear_1", "linear_2"),
}


def read(c: Config) -> ModelSpec:
    """Read a Kimi K2.5 or Kimi-VL config."""
    newer = c.model_type == "kimi_k25"
    c.ignore("ignore_index", "use_unified_vision_chunk", "video_placeholder")
    c.ignore("projection_layer_norm_eps")
    text = text_part(c, "language_model.", tied=tied(c, default=newer), model_type="deepseek_v3")
    vision = c.part("vision_config", "vision_tower.", defaults={} if newer else None)
    width, merge = vision.number("hidden_size", "vt_hidden_size", default=1152), _merge(vision)
    # The class says the norm's width apart from the tower's; the files' own code does not.
    normed = c.number("projection_hidden_size", default=width) if newer and not c.own_code else width
    c.ignore("projection_hidden_size")
    name, first, second = PROJECTOR[c.model_type]
    projector: list[Named] = [
        ("pre_norm", Norm(normed, bias=True)),
        (first, Linear("projector.linear", merge * width, merge * width, bias=True)),
        (second, Linear("projector.linear", text.hidden_size, merge * width, bias=True)),
    ]
    placed = [place(f"{name}.{part}", block, tower="projector") for part, block in projector]
    return whole(c, text, [*_tower(vision, width), *placed])


def _merge(c: Config) -> int:
    """How many patches become one token."""
    kernel = c.numbers("merge_kernel_size", default=[2, 2], high=MAX_HEADS)
    if len(kernel) != 2:
        raise c.error("has a merge_kernel_size that is not two numbers")
    return prod(kernel)


def _tower(c: Config, hidden: int) -> list[PlacedBlock]:
    layers = c.number("num_hidden_layers", "vt_num_hidden_layers", default=27, high=MAX_LAYERS)
    heads = c.number("num_attention_heads", "vt_num_attention_heads", default=16, high=MAX_HEADS)
    intermediate = c.number("intermediate_size", "vt_intermediate_size", default=4304)
    high = c.number("pos_emb_height", "init_pos_emb_height", default=64)
    wide = c.number("pos_emb_width", "init_pos_emb_width", default=64)
    patch = c.number("patch_size", default=14)
    if c.text("mm_projector_type", "patchmerger") != "patchmerger":
        raise c.unsupported("has another mm_projector_type than patchmerger")
    c.ignore("pos_emb_time", "init_pos_emb_time", "pos_emb_type", "merge_type", "video_attn_type", "text_hidden_size")
    c.ignore("mm_hidden_size", "projector_hidden_act")

    def blocks(_: None) -> Iterator[Named]:
        yield "norm0", Norm(hidden, bias=True)
        yield "", encoder_attention(c, hidden, heads, ("wqkv", "wo"))
        yield "norm1", Norm(hidden, bias=True)
        yield "mlp", Mlp(hidden, intermediate, ("fc0", "fc1"), bias=True)

    base = c.prefix
    return [
        place(f"{base}patch_embed.proj", PatchEmbedding(hidden, 3, patch), tower="vision"),
        place(
            f"{base}patch_embed.pos_emb.weight", Parameter("embedding.position", (high, wide, hidden)), tower="vision"
        ),
        *stack(f"{base}encoder.blocks.{{layer}}", [None] * layers, blocks, "vision"),
        place(f"{base}encoder.final_layernorm", Norm(hidden, bias=True), tower="vision"),
    ]
