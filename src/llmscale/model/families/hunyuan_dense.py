"""Hunyuan dense (transformers 5.23 `HunYuanDenseV1Config`): LLaMA's shape with each query and key head normalised."""

from __future__ import annotations

from llmscale.model.families._config import Config
from llmscale.model.families._llama import Variant, build
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("hunyuan_v1_dense",)


def read(c: Config) -> ModelSpec:
    """Read a Hunyuan dense config."""
    bias = c.flag("attention_bias")
    c.ignore("attention_head_dim", "use_qk_norm", "cla_share_factor", "eod_token_id", "im_start_id", "im_end_id")
    c.ignore("mlp_bias", "org_vocab_size", "pad_id", "pool_type", "sep_token_id", "add_classification_head")
    names = ("query_layernorm", "key_layernorm")
    return build(c, Variant(qkv_bias=bias, out_bias=bias, qk_norm_names=names))
