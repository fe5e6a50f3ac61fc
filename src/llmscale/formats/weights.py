"""The bytes of a model's weights in a quant: a recipe gives each tensor a format, the sum over them is the answer."""

from __future__ import annotations

from llmscale.errors import UnsupportedModelError
from llmscale.formats.catalogue import format_of
from llmscale.formats.recipe import REST, Allotted, Quant, chosen
from llmscale.inventory import Inventory, TensorGroup
from llmscale.spec import ModelSpec


def allot(quant: Quant, spec: ModelSpec, parts: Inventory) -> tuple[Allotted, ...]:
    """Every tensor that a file in this quant holds, and its format.

    Raises:
        UnsupportedModelError: the tool that writes such files does not take this model.
    """
    if quant.kind == "gguf":
        from llmscale.formats.gguf import allot_preset

        return allot_preset(quant.preset, spec, parts)
    return tuple(_allotted(quant, group) for group in parts.stored())


def weight_bytes(quant: Quant, spec: ModelSpec, parts: Inventory) -> int:
    """Bytes of all weights: each stored tensor by itself, tied ones once."""
    return sum(allotted.bytes for allotted in allot(quant, spec, parts))


def _allotted(quant: Quant, group: TensorGroup) -> Allotted:
    form = format_of(chosen(quant.rules, group))
    if form.holds(group.shape):
        return Allotted(group, form)
    if quant.narrow == "refuse":
        raise UnsupportedModelError(
            f"{quant.name} cannot hold {group.name}: its rows have {group.shape[-1]:,} columns, "
            f"{form.name} takes multiples of {form.multiple}.",
            f"Try a quant without blocks, or --quant-map to keep such tensors in {quant.rules[REST]}.",
        )
    return Allotted(group, format_of(quant.narrow))
