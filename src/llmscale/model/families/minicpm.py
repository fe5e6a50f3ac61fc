"""MiniCPM 1, 2 and 4 (arXiv:2404.06395, 2506.07900): LLaMA's shape with scaled activations, head tied by default.

Source: modeling_minicpm.py and configuration_minicpm.py of huggingface.co/openbmb/MiniCPM-2B-sft-bf16; transformers
has no such class. The card gives the 2B 2.4 B parameters besides the embedding (2,442,057,984 here). MiniCPM4's
sparse attention (``sparse_config``) selects blocks of keys and has no weights. The mixture (``num_experts``) is
refused.
"""

from __future__ import annotations

from llmscale.model.families._config import Config
from llmscale.model.families._llama import Variant, build
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("minicpm",)


def read(c: Config) -> ModelSpec:
    """Read a MiniCPM config."""
    c.ignore("scale_emb", "dim_model_base", "scale_depth", "mup_denominator", "sparse_config")
    bias = c.flag("attention_bias")
    return build(c, Variant(qkv_bias=bias, out_bias=bias, tied=True))
