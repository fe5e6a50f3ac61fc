"""Which tensors take part how in a step, by the method of training; None where that is not counted."""

from __future__ import annotations

from llmscale.model.spec import ModelSpec
from llmscale.training.adapters import DEFAULT_RANK
from llmscale.training.experts import adapt_experts
from llmscale.training.flops.products import Training
from llmscale.training.flops.step import How
from llmscale.training.methods import MethodChoice, adapted_modules
from llmscale.training.modules import SPLIT, Kind, class_name, modules
from llmscale.training.own import answering

#: Methods whose adapters are two products beside the matrix, or that add no product at all.
COUNTED = ("full", "lora", "ln", "bitfit", "freeze")


def taking_part(spec: ModelSpec, choice: MethodChoice) -> How | None:
    """How each tensor takes part, by its full name and layer."""
    if choice.method not in COUNTED:
        return None
    if choice.method == "full":
        return lambda name, layer: Training(True)
    if choice.method == "bitfit":
        return lambda name, layer: Training(name.endswith(".bias"))
    if choice.method == "freeze":
        prefixes, depth = answering(spec)
        return lambda name, layer: Training(layer >= depth - choice.last and name.startswith(prefixes))
    adapted, whole = adapted_modules(spec, choice)
    rank = choice.rank or DEFAULT_RANK["lora"]
    if choice.method == "lora" and adapt_experts(spec, modules(spec), choice.targets, rank):
        return None  # the product of A and B is made whole and added to the experts
    if any(module.kind is Kind.EMBEDDING or module.label in _halves(spec.family) for module in adapted):
        return None
    ranks = {module.name: rank for module in adapted}
    copied = {module.name for module in whole}

    def how(name: str, layer: int) -> Training:
        module = class_name(spec.family, name)
        bias = name.endswith(".bias") and (choice.bias == "all" or (choice.bias == "lora_only" and module in ranks))
        return Training(module in copied or bias, 0 if name.endswith(".bias") else ranks.get(module, 0))

    return how


def _halves(family: str) -> frozenset[str]:
    """Modules that are half a matrix of the checkpoint each, by which FLOPs are counted."""
    return frozenset(name for pair in SPLIT.get(family, {}).values() for name in pair)
