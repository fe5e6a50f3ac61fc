"""Nemotron and Minitron (arXiv:2402.16819, 2406.11704; transformers 5.23 `NemotronConfig`).

LLaMA's shape with LayerNorm and a plain MLP (squared ReLU) of two matrices.
"""

from __future__ import annotations

from llmscale.model.families._config import Config
from llmscale.model.families._llama import Variant, build
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("nemotron",)


def read(c: Config) -> ModelSpec:
    """Read a Nemotron config."""
    bias = c.flag("attention_bias")
    variant = Variant(
        qkv_bias=bias,
        out_bias=bias,
        mlp_bias=c.flag("mlp_bias"),
        layer_norm=True,
        plain_mlp=("up_proj", "down_proj"),
    )
    return build(c, variant)
