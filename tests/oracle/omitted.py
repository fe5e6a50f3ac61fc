"""Keys that published files hold and our catalogue leaves away, since no tensor depends on them; classes want them."""

from __future__ import annotations

from typing import Any


def with_factors(config: dict[str, Any]) -> dict[str, Any]:
    """The config with LongRoPE's factors, one for each pair of rotated dimensions, where it says none: all 1."""
    scaling = config.get("rope_scaling") or {}
    if scaling.get("type") != "longrope" or "long_factor" in scaling:
        return config
    rotary = config.get("qk_rope_head_dim") or int(
        config.get("partial_rotary_factor", 1.0) * config["hidden_size"] / config["num_attention_heads"]
    )
    factors = dict.fromkeys(("long_factor", "short_factor"), [1.0] * (rotary // 2))
    # Phi's mixtures alone say by how much attention is scaled.
    scales = dict.fromkeys(("long_mscale", "short_mscale"), 1.0) if config["model_type"] == "phimoe" else {}
    return {**config, "rope_scaling": {**scaling, **factors, **scales}}
