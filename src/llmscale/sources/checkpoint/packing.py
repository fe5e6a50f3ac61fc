"""How many weights a packed tensor of a quantised checkpoint stands for, and which tensors are none.

Sources: AutoGPTQ and AutoAWQ (``qweight`` of int32, ``qzeros``, ``scales``, ``g_idx``), compressed-tensors 0.20
(``weight_packed``, ``weight_scale``, …), bitsandbytes 0.50 (two values a byte, ``absmax``, ``quant_map``,
``quant_state``), MLX (``weight`` of uint32 beside ``scales`` and ``biases``), gpt-oss (``_blocks`` of two values a
byte, ``_scales``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from llmscale.sources.checkpoint.header import BITS, CheckpointTensor

#: Ends of names of what goes with a packed weight.
BESIDE = (
    *(f".{part}" for part in ("qzeros", "scales", "g_idx", "weight_scale", "weight_scale_inv", "weight_zero_point")),
    *(
        f".{part}"
        for part in ("weight_shape", "weight_g_idx", "weight_global_scale", "input_scale", "input_global_scale")
    ),
    *(f".{part}" for part in ("weight_scale_2", "k_scale", "v_scale", "SCB", "weight_format", "input_zero_point")),
    *(".absmax", ".quant_map", ".nested_absmax", ".nested_quant_map"),
    "_scales",
)
WITHIN = ".quant_state."
#: Types that weights are packed into.
WORDS = ("I32", "U32", "U8", "I8", "F4")


def weights_of(infos: Iterable[CheckpointTensor], config: Mapping[str, Any]) -> list[CheckpointTensor]:
    """The weights, each with the shape that it has unpacked; what only goes with one is left out."""
    every = list(infos)
    names, bits = {info.name for info in every}, _bits(config)
    return [_unpacked(info, names, bits) for info in every if not is_beside(info.name, names)]


def is_beside(name: str, names: set[str]) -> bool:
    """Whether a tensor only says how to read another."""
    if name.endswith(BESIDE) or WITHIN in name:
        return True
    return name.endswith(".biases") and name.removesuffix("biases") + "scales" in names


def base_name(name: str) -> str:
    """What an unpacked checkpoint calls a packed weight."""
    for packed in (".qweight", ".weight_packed"):
        if name.endswith(packed):
            return name.removesuffix(packed) + ".weight"
    return name.removesuffix("_blocks")


def _unpacked(info: CheckpointTensor, names: set[str], bits: int) -> CheckpointTensor:
    held = _values(info, names, bits)
    if held == 1 or not info.shape:
        return info._replace(name=base_name(info.name))
    # GPTQ packs along the first axis, all others along the last; the number of weights is the same.
    return info._replace(name=base_name(info.name), shape=(*info.shape[:-1], info.shape[-1] * held))


def _values(info: CheckpointTensor, names: set[str], bits: int) -> int:
    """Weights that one element holds."""
    if info.dtype not in WORDS or info.dtype == "F4":
        return 1
    width = BITS[info.dtype]
    name = info.name
    if name.endswith("_blocks") or f"{name}.absmax" in names:
        return 2
    if name.endswith((".qweight", ".weight_packed")):
        return max(1, width // (bits or 4))
    if name.endswith(".weight") and name.removesuffix("weight") + "scales" in names:
        return max(1, width // (bits or 4))
    return 1


def _bits(config: Mapping[str, Any]) -> int:
    """Bits of a packed weight, where the config says so."""
    for key in ("quantization_config", "quantization"):
        said = config.get(key)
        if not isinstance(said, Mapping):
            continue
        groups = said.get("config_groups")
        first: Any = next(iter(groups.values()), {}) if isinstance(groups, Mapping) and groups else {}
        weights = first.get("weights") if isinstance(first, Mapping) else None
        for value in (said.get("bits"), weights.get("num_bits") if isinstance(weights, Mapping) else None):
            if type(value) is int and 1 <= value <= 16:
                return value
    return 0
