"""InternLM 1 (huggingface.co/internlm/internlm-7b, modeling_internlm.py) and 3 (transformers 5.24 `InternLM3Config`).

LLaMA's shape; ``bias`` on q, k, v and o in the first, ``attention_bias`` (published as ``qkv_bias``) and ``mlp_bias``
in the third.
"""

from __future__ import annotations

from llmscale.model.families._config import Config
from llmscale.model.families._llama import Variant, build
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("internlm", "internlm3")


def read(c: Config) -> ModelSpec:
    """Read an InternLM 1 or 3 config."""
    if c.model_type == "internlm3":
        if c.flag("qkv_bias") != c.flag("bias"):
            raise c.unsupported("has a bias on some of its attention's matrices alone (qkv_bias)")
        bias = c.flag("attention_bias", "qkv_bias")
        variant = Variant(qkv_bias=bias, out_bias=bias, mlp_bias=c.flag("mlp_bias", "bias"), kv_heads=2, head_dim=128)
        return build(c, variant)
    bias = c.flag("bias", default=True)
    return build(c, Variant(qkv_bias=bias, out_bias=bias))
