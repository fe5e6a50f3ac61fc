"""ERNIE 4.5 dense (transformers 5.23 `Ernie4_5Config`): LLaMA's shape; ``use_bias`` for every projection; tied."""

from __future__ import annotations

from llmscale.model.families._config import Config
from llmscale.model.families._llama import Variant, build
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("ernie4_5",)


def read(c: Config) -> ModelSpec:
    """Read an ERNIE 4.5 dense config."""
    bias = c.flag("use_bias")
    return build(c, Variant(qkv_bias=bias, out_bias=bias, mlp_bias=bias, tied=True, kv_heads=2, head_dim=128))
