"""PaliGemma (arXiv:2407.07726) and PaliGemma 2 (arXiv:2412.03555): Gemma 1 or 2 behind a SigLIP tower and one matrix.

Source: transformers 5.23 `PaliGemmaConfig`. Names as in huggingface.co/google/paligemma-3b-pt-224.
"""

from __future__ import annotations

from llmscale.model.blocks.linear import Linear
from llmscale.model.families._config import Config
from llmscale.model.families._parts import text_part, tied, tower, whole
from llmscale.model.families._stack import place
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("paligemma",)


def read(c: Config) -> ModelSpec:
    """Read a PaliGemma config; the projector ends at the text part's width, which ``projection_dim`` repeats."""
    c.ignore("hidden_size", "num_hidden_layers", "vocab_size", "_vocab_size", "ignore_index")
    text = text_part(c, "language_model.", tied=tied(c, default=True), model_type="gemma", ignore=("num_image_tokens",))
    vision = tower(c, "vision_config", "vision_tower.", "siglip_vision_model")
    width = c.number("projection_dim", default=text.hidden_size)
    if width != text.hidden_size:
        raise c.error(f"projects to {width} elements, but its text part is {text.hidden_size} wide")
    linear = Linear("projector.linear", width, vision.hidden_size, bias=True)
    return whole(c, text, [*vision.placed, place("multi_modal_projector.linear", linear, tower="projector")])
