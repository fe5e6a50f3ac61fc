"""DeepSeek V2 (arXiv:2405.04434), V3 and R1 (arXiv:2412.19437), Kimi K2 (arXiv:2507.20534), and DeepSeekMoE.

Multi-head latent attention, and plain attention in the first DeepSeekMoE (``deepseek``).
"""

from __future__ import annotations

from llmscale.model.families._config import Config
from llmscale.model.families._deepseek import build
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("deepseek", "deepseek_v2", "deepseek_v3", "kimi_k2")


def read(c: Config) -> ModelSpec:
    """Read a DeepSeek or Kimi K2 config."""
    return build(c)
