"""Gemma 3's multimodal models (arXiv:2503.19786; transformers 5.23 `Gemma3Config`): Gemma 3 text behind a SigLIP tower.

Names as in huggingface.co/google/gemma-3-4b-it.
"""

from __future__ import annotations

from llmscale.model.blocks.linear import Parameter
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._config import Config
from llmscale.model.families._parts import text_part, tied, tower, whole
from llmscale.model.families._stack import place
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("gemma3",)


def read(c: Config) -> ModelSpec:
    """Read a Gemma 3 config of the vision-language models."""
    text = text_part(c, "language_model.", tied=tied(c, default=True), model_type="gemma3_text")
    vision = tower(c, "vision_config", "vision_tower.", "siglip_vision_model")
    width = vision.hidden_size
    projector = [
        place("multi_modal_projector.mm_soft_emb_norm", Norm(width), tower="projector"),
        place(
            "multi_modal_projector.mm_input_projection_weight",
            Parameter("projector.weight", (width, text.hidden_size)),
            tower="projector",
        ),
    ]
    return whole(c, text, [*vision.placed, *projector])
