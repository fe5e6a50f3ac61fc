"""Helium (Kyutai; transformers 5.23 `HeliumConfig`): LLaMA's shape, with a bias switch that leaves the output alone."""

from __future__ import annotations

from llmscale.model.families._config import Config
from llmscale.model.families._llama import Variant, build
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("helium",)


def read(c: Config) -> ModelSpec:
    """Read a Helium config; its output projection is square, so heads x head dimension must be the hidden size."""
    hidden = c.hidden()
    heads, _, head_dim = c.heads(hidden, kv_default=20, head_dim=128)
    if heads * head_dim != hidden:
        raise c.error(f"has {heads} heads of {head_dim}, which do not make its hidden size of {hidden}")
    bias, mlp_bias = c.flag("attention_bias"), c.flag("mlp_bias")
    return build(c, Variant(qkv_bias=bias, mlp_bias=mlp_bias, kv_heads=20, head_dim=128))
