"""Mistral Small 3.1 and 3.2 (transformers 5.23 `Mistral3Config`): Mistral behind Pixtral's tower, patches merged.

The class of transformers 5.23 ties the head where the file says nothing, but the published checkpoints hold a head of
their own (24,011,361,280 parameters in Mistral-Small-3.1-24B): so does this count, as the text part's default has it.
"""

from __future__ import annotations

from llmscale.model.blocks.linear import Linear
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_HEADS
from llmscale.model.families._config import Config
from llmscale.model.families._parts import text_part, tied, tower, whole
from llmscale.model.families._stack import Named, place
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("mistral3",)


def read(c: Config) -> ModelSpec:
    """Read a Mistral 3 config."""
    c.ignore("projector_hidden_act")
    text = text_part(c, "language_model.", tied=tied(c), model_type="mistral")
    vision = tower(c, "vision_config", "vision_tower.", "pixtral")
    merge = c.number("spatial_merge_size", default=2, high=MAX_HEADS)
    bias = c.flag("multimodal_projector_bias")
    features = c.get("vision_feature_layer")
    joined = len(features) if isinstance(features, list) else 1
    hidden, width = text.hidden_size, vision.hidden_size
    projector: list[Named] = [
        ("norm", Norm(width)),
        ("patch_merger.merging_layer", Linear("projector.merge", width, width * merge**2)),
        ("linear_1", Linear("projector.up", hidden, width * joined, bias)),
        ("linear_2", Linear("projector.down", hidden, hidden, bias)),
    ]
    placed = [place(f"multi_modal_projector.{name}", block, tower="projector") for name, block in projector]
    return whole(c, text, [*vision.placed, *placed])
