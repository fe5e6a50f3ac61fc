"""InternLM 1 (huggingface.co/internlm/internlm-7b, modeling_internlm.py): LLaMA's shape, ``bias`` on q, k, v and o."""

from __future__ import annotations

from llmscale.model.families._config import Config
from llmscale.model.families._llama import Variant, build
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("internlm",)


def read(c: Config) -> ModelSpec:
    """Read an InternLM 1 config."""
    bias = c.flag("bias", default=True)
    return build(c, Variant(qkv_bias=bias, out_bias=bias))
