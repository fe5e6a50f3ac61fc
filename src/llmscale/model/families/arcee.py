"""Arcee's AFM-4.5B (transformers 5.23 `ArceeConfig`): LLaMA's shape with a plain MLP (squared ReLU) of two matrices."""

from __future__ import annotations

from llmscale.model.families._config import Config
from llmscale.model.families._llama import Variant, build
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("arcee",)


def read(c: Config) -> ModelSpec:
    """Read an Arcee config."""
    bias = c.flag("attention_bias")
    names = ("up_proj", "down_proj")
    return build(c, Variant(qkv_bias=bias, out_bias=bias, mlp_bias=c.flag("mlp_bias"), plain_mlp=names))
