"""LLaVA 1.5 (arXiv:2310.03744), 1.6 and OneVision (arXiv:2408.03326): text behind a tower and a two-layer projector.

Sources: transformers 5.23 `LlavaConfig`, `LlavaNextConfig`, `LlavaOnevisionConfig`. 1.6 and OneVision add a vector for
the end of a row of tiles. Pixtral 12B is published under this type too. A list of ``vision_feature_layer`` joins those
layers' features. Names as in huggingface.co/llava-hf/llava-1.5-7b-hf.
"""

from __future__ import annotations

from llmscale.model.blocks.linear import Linear, Parameter
from llmscale.model.families._config import Config
from llmscale.model.families._parts import text_part, tied, tower, whole
from llmscale.model.families._stack import Named, place
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("llava", "llava_next", "llava_onevision")


def read(c: Config) -> ModelSpec:
    """Read a LLaVA config."""
    c.ignore("ignore_index", "image_seq_length", "projector_hidden_act", "vision_feature_select_strategy", "vocab_size")
    c.ignore("image_grid_pinpoints", "vision_aspect_ratio", "use_image_newline_parameter")
    onevision = c.model_type == "llava_onevision"
    tie = tied(c, either=c.model_type in ("llava", "llava_onevision"))
    text = text_part(c, "language_model.", tied=tie, model_type="qwen2" if onevision else "llama")
    vision = tower(c, "vision_config", "vision_tower.", "siglip_vision_model" if onevision else "clip_vision_model")
    bias = c.flag("multimodal_projector_bias", default=True)
    features = c.get("vision_feature_layer")
    joined = len(features) if isinstance(features, list) else 1

    hidden = text.hidden_size
    projector: list[Named] = [
        ("multi_modal_projector.linear_1", Linear("projector.up", hidden, joined * vision.hidden_size, bias)),
        ("multi_modal_projector.linear_2", Linear("projector.down", hidden, hidden, bias)),
    ]
    if c.model_type != "llava":
        projector.append(("image_newline", Parameter("projector.newline", (hidden,))))
    placed = [place(name, block, tower="projector") for name, block in projector]
    return whole(c, text, [*vision.placed, *placed])
