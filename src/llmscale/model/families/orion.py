"""Orion (arXiv:2401.12246): LLaMA's shape with LayerNorm, scale and shift, in place of RMSNorm.

Source: modeling_orion.py of huggingface.co/OrionStarAI/Orion-14B-Base.
"""

from __future__ import annotations

from llmscale.model.families._config import Config
from llmscale.model.families._llama import Variant, build
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("orion",)


def read(c: Config) -> ModelSpec:
    """Read an Orion config."""
    return build(c, Variant(layer_norm=True))
