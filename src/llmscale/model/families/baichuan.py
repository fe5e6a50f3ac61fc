"""Baichuan 1 and 2 (modeling_baichuan.py of huggingface.co/baichuan-inc): LLaMA's shape, q, k, v fused as W_pack."""

from __future__ import annotations

from llmscale.model.families._config import Config
from llmscale.model.families._llama import Variant, build
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("baichuan",)


def read(c: Config) -> ModelSpec:
    """Read a Baichuan config; the 13B's ALiBi positions hold no tensors."""
    c.ignore("z_loss_weight", "model_max_length")
    return build(c, Variant(attention_names=("W_pack", "o_proj")))
