"""DeepSeek V2 (arXiv:2405.04434), V3 and R1 (arXiv:2412.19437), Kimi K2 (arXiv:2507.20534), and DeepSeekMoE.

Multi-head latent attention, and plain attention in the first DeepSeekMoE (``deepseek``). GLM-4.7-Flash and
Mistral Small 4 are V3's shape (transformers 5.24 `Glm4MoeLiteConfig`, `Mistral4Config`); Mistral's router has no
correction bias, and no layer of it is dense.
"""

from __future__ import annotations

from llmscale.model.families._config import Config
from llmscale.model.families._deepseek import build
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("deepseek", "deepseek_v2", "deepseek_v3", "glm4_moe_lite", "kimi_k2", "mistral4")
#: model_type -> dense layers before the mixtures where a file does not say
DENSE = {"glm4_moe_lite": 1}


def read(c: Config) -> ModelSpec:
    """Read a DeepSeek or Kimi K2 config."""
    return build(c, dense=DENSE.get(c.model_type, 0))
