"""Idefics 3 (arXiv:2408.12637) and SmolVLM (arXiv:2504.05299): a LLaMA-shaped text model behind a SigLIP tower.

Sources: transformers 5.23 `Idefics3Config`, `SmolVLMConfig`. One matrix maps ``scale_factor`` squared patches.
Names as in huggingface.co/HuggingFaceTB/SmolVLM-Instruct.
"""

from __future__ import annotations

from llmscale.model.blocks.linear import Linear
from llmscale.model.families._bounds import MAX_HEADS
from llmscale.model.families._config import Config
from llmscale.model.families._parts import text_part, tied, tower, whole
from llmscale.model.families._stack import place
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("idefics3", "smolvlm")
#: Keys that the text parts carry over from Idefics 2's code; this class reads none of them.
LEFT_OVER = (
    "neftune_noise_alpha",
    "qk_layer_norms",
    "use_resampler",
    "vision_config",
    "perceiver_config",
    "pixel_shuffle_factor",
    "is_llama_config",
    "transformers.js_config",
    "transformers_js_config",
)


def read(c: Config) -> ModelSpec:
    """Read an Idefics 3 or SmolVLM config."""
    c.ignore("vocab_size", "image_seq_len", "use_reentrant_checkpointing", "transformers.js_config")
    text = text_part(c, "model.text_model.", tied=tied(c), head_prefix="", ignore=LEFT_OVER)
    vision = tower(c, "vision_config", "model.vision_model.", f"{c.model_type}_vision", forced=True)
    joined = vision.hidden_size * c.number("scale_factor", default=2, high=MAX_HEADS) ** 2
    projection = Linear("projector.linear", text.hidden_size, joined)
    placed = place("model.connector.modality_projection.proj", projection, tower="projector")
    return whole(c, text, [*vision.placed, placed])
