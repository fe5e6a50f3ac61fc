"""LFM2-VL (arXiv:2511.23404; transformers 5.24 `Lfm2VlConfig`): LFM2 behind SigLIP 2 and a projector.

The projector joins ``downsample_factor`` squared neighbouring patches. The published tower has no pooling head, which
``vision_use_head`` may say, nor the layers after ``vision_feature_layer``, which its config leaves out.
Names as in huggingface.co/LiquidAI/LFM2-VL-1.6B.
"""

from __future__ import annotations

from llmscale.model.blocks.linear import Linear
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_HEADS
from llmscale.model.families._config import Config
from llmscale.model.families._parts import text_part, tied, tower, whole
from llmscale.model.families._stack import Named, place
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("lfm2_vl",)


def read(c: Config) -> ModelSpec:
    """Read an LFM2-VL config."""
    text = text_part(c, "model.language_model.", tied=tied(c, default=True), model_type="lfm2", head_prefix="")
    vision = tower(c, "vision_config", "model.vision_tower.", "siglip2_vision_model")
    c.ignore("do_image_splitting", "downsample", "encoder_patch_size", "image_token_index", "max_image_tokens")
    c.ignore("max_num_patches", "max_pixels_tolerance", "max_tiles", "min_image_tokens", "min_tiles", "tile_size")
    c.ignore("projector_hidden_act", "use_image_special_tokens", "use_thumbnail", "vision_feature_layer")
    c.ignore("image_feature_select_strategy")
    wide = vision.hidden_size * c.number("downsample_factor", default=2, high=MAX_HEADS) ** 2
    inner, bias = c.number("projector_hidden_size", default=2560), c.flag("projector_bias", default=True)
    projector: list[Named] = [
        ("linear_1", Linear("projector.up", inner, wide, bias)),
        ("linear_2", Linear("projector.down", text.hidden_size, inner, bias)),
    ]
    if c.flag("projector_use_layernorm", default=True):
        projector.insert(0, ("layer_norm", Norm(wide, bias=True)))
    placed = [place(f"model.multi_modal_projector.{name}", block, tower="projector") for name, block in projector]
    return whole(c, text, [*vision.placed, *placed])
