"""Qwen3-VL and its mixtures of experts (arXiv:2511.21631; transformers 5.23 `Qwen3VLConfig`, `Qwen3VLMoeConfig`).

Qwen 3 text behind a tower with learned positions; besides the last layer, those that ``deepstack_visual_indexes`` names
pass through mergers of their own. Names as in huggingface.co/Qwen/Qwen3-VL-8B-Instruct.
"""

from __future__ import annotations

from llmscale.model.families._config import Config
from llmscale.model.families._parts import text_part, tied, whole
from llmscale.model.families._qwen3_tower import tower
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("qwen3_vl", "qwen3_5", "qwen3_5_moe", "qwen3_vl_moe")


def read(c: Config) -> ModelSpec:
    """Read a Qwen3-VL config."""
    text = text_part(c, "model.language_model.", tied=tied(c), model_type=f"{c.model_type}_text", head_prefix="")
    return whole(c, text, tower(c.part("vision_config", "model.visual.")))
