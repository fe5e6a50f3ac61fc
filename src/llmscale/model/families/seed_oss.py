"""Seed-OSS (transformers 5.23 `SeedOssConfig`): LLaMA's shape; q, k, v biased, o by ``attention_out_bias``."""

from __future__ import annotations

from llmscale.model.families._config import Config
from llmscale.model.families._llama import Variant, build
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("seed_oss",)


def read(c: Config) -> ModelSpec:
    """Read a Seed-OSS config."""
    variant = Variant(
        qkv_bias=c.flag("attention_bias", default=True),
        out_bias=c.flag("attention_out_bias"),
        mlp_bias=c.flag("mlp_bias"),
        kv_heads=8,
        head_dim=128,
    )
    return build(c, variant)
