"""Qwen 1.5, 2, 2.5 (`Qwen2Config`) and 3 (`Qwen3Config`, arXiv:2505.09388), defaults of transformers 5.23.

Qwen 2 biases q, k and v; Qwen 3 drops the bias and normalises each query and key head.
The VL models' text parts are the same. With ``use_sliding_window`` the layers from ``max_window_layers`` on slide.
"""

from __future__ import annotations

from llmscale.model.families._config import Config
from llmscale.model.families._qwen2 import build
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("qwen2", "qwen3", "qwen2_vl_text", "qwen2_5_vl_text", "qwen3_vl_text")


def read(c: Config) -> ModelSpec:
    """Read a Qwen 1.5, 2, 2.5 or 3 config."""
    return build(c)
