"""InternVL 2.5 and 3 as transformers has them (arXiv:2504.10479; transformers 5.23 `InternVLConfig`).

Any text model behind InternViT; four patches are joined, normalised and mapped by two matrices. The class ties the head
where the file says nothing, but the published checkpoints hold a head of their own (938,193,024 parameters in
InternVL3-1B-hf): so does this count, as the text part has it. Names as in huggingface.co/OpenGVLab/InternVL3-1B-hf.
"""

from __future__ import annotations

from llmscale.model.blocks.linear import Linear
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._config import Config
from llmscale.model.families._parts import text_part, tied, tower, whole
from llmscale.model.families._stack import Named, place
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("internvl",)


def read(c: Config) -> ModelSpec:
    """Read an InternVL config of the transformers layout."""
    c.ignore("image_seq_length", "projector_hidden_act", "vision_feature_select_strategy", "vision_feature_layer")
    text = text_part(c, "language_model.", tied=tied(c), model_type="qwen2")
    vision = tower(c, "vision_config", "vision_tower.", "internvl_vision")
    ratio = c.get("downsample_ratio")
    ratio = 0.5 if ratio is None else ratio
    if isinstance(ratio, bool) or not isinstance(ratio, (int, float)) or not 0 < ratio <= 1:
        raise c.error(f"has downsample_ratio = {ratio!r}; it must lie above 0 and not above 1")
    hidden, joined = text.hidden_size, vision.hidden_size * int(1 / ratio) ** 2
    projector: list[Named] = [
        ("layer_norm", Norm(joined, bias=True)),
        ("linear_1", Linear("projector.up", hidden, joined, bias=True)),
        ("linear_2", Linear("projector.down", hidden, hidden, bias=True)),
    ]
    placed = [place(f"multi_modal_projector.{name}", block, tower="projector") for name, block in projector]
    return whole(c, text, [*vision.placed, *placed])
