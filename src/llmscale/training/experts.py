"""Experts that transformers 5 holds in one tensor a matrix, and how peft adapts them.

Source: peft 0.21.2 ``utils/transformers_weight_conversion.py`` (names of the checkpoint become names of the fused
tensors; gate and up are one, so the rank doubles), ``tuners/lora/layer.py`` (``ParamWrapper``: the rank times the
experts); transformers 5.23.0 ``conversion_mapping.py`` (which types are converted like which).
"""

from __future__ import annotations

from llmscale.errors import UsageError
from llmscale.model.spec import ModelSpec
from llmscale.training.modules import Kind, Module

_MIXTRAL = {"gate": "router", "w1": "gate", "w3": "up", "w2": "down"}
_QWEN = {"gate": "router", "gate_proj": "gate", "up_proj": "up", "down_proj": "down"}
_LIKE_QWEN = (
    *("afmoe", "deepseek_v2", "deepseek_v3", "deepseek_v32", "dots1", "ernie4_5_moe", "glm4_moe", "glm4_moe_lite"),
    *("glm_moe_dsa", "glm4v_moe", "longcat_flash", "qwen3_moe", "qwen3_next", "hunyuan_v1_moe", "olmoe", "flex_olmo"),
)
#: model type -> name in the checkpoint -> what it is
EXPERT_NAMES: dict[str, dict[str, str]] = {
    "mixtral": _MIXTRAL,
    "minimax": _MIXTRAL,
    "minimax_m2": _MIXTRAL,
    **dict.fromkeys(_LIKE_QWEN, _QWEN),
}


def wanted_parts(spec: ModelSpec, targets: tuple[str, ...]) -> frozenset[str]:
    """Which of ``router``, ``gate``, ``up`` and ``down`` are named."""
    ends = {target.rpartition(".")[2] for target in targets}
    every = targets == ("all-linear",)
    return frozenset(part for name, part in EXPERT_NAMES.get(spec.family, {}).items() if every or name in ends)


def adapt_experts(
    spec: ModelSpec, parts: list[Module], targets: tuple[str, ...], rank: int
) -> list[tuple[str, tuple[int, ...], int]]:
    """LoRA's tensors on routers and fused experts: label, shape, how many.

    Raises:
        UsageError: one of gate and up without the other.
    """
    names, wanted = EXPERT_NAMES.get(spec.family, {}), wanted_parts(spec, targets)
    if ("gate" in wanted) != ("up" in wanted):
        have, lack = ("gate", "up") if "gate" in wanted else ("up", "gate")
        raise UsageError(
            f"{spec.name}'s experts hold {have} and {lack} in one tensor: peft cannot target one without the other.",
            f"Name both: {', '.join(name for name, part in names.items() if part in (have, lack))}.",
        )
    found: list[tuple[str, tuple[int, ...], int]] = []
    for module in parts:
        if module.kind is Kind.ROUTER and "router" in wanted:
            found += _pair("gate", module.inputs, module.outputs, rank, module.copies)
        part = names.get(module.name.removesuffix(".weight").rpartition(".")[2]) if module.kind is Kind.EXPERTS else ""
        if part == "gate" and "gate" in wanted:
            found += _pair("experts", module.inputs, 2 * module.outputs, 2 * rank * module.experts, module.copies)
        if part == "down" and "down" in wanted:
            found += _pair("experts", module.inputs, module.outputs, rank * module.experts, module.copies)
    return found


def _pair(label: str, inputs: int, outputs: int, rank: int, copies: int) -> list[tuple[str, tuple[int, ...], int]]:
    return [(label, (rank, inputs), copies), (label, (outputs, rank), copies)]
