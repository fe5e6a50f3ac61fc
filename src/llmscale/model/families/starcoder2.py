"""StarCoder2 (arXiv:2402.19173; transformers 5.23 `Starcoder2Config`): LayerNorm, a plain MLP, biases everywhere.

Head tied, two KV heads and biases on unless the file says otherwise. ``mlp_type`` and ``norm_type`` are names of
StarCoder2's own training code with one published value each.
"""

from __future__ import annotations

from llmscale.model.families._config import Config
from llmscale.model.families._llama import Variant, build
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("starcoder2",)


def read(c: Config) -> ModelSpec:
    """Read a StarCoder2 config."""
    for key, value in (("mlp_type", "default"), ("norm_type", "layer_norm")):
        if c.text(key, value) != value:
            raise c.unsupported(f"has {key} '{c.text(key)}'")
    bias = c.flag("use_bias", default=True)
    variant = Variant(
        qkv_bias=bias,
        out_bias=bias,
        mlp_bias=bias,
        layer_norm=True,
        plain_mlp=("c_fc", "c_proj"),
        tied=True,
        kv_heads=2,
    )
    return build(c, variant)
