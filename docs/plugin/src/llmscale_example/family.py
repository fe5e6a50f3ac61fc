"""A family that is Llama under another name."""

from __future__ import annotations

from llmscale.model.families import llama
from llmscale.model.families._config import Config
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("plain_llama",)


def read(c: Config) -> ModelSpec:
    """Its config as Llama's."""
    return llama.read(c)
