"""The bytes of a model's weights in a quant: a recipe gives each tensor a format, the sum over them is the answer."""

from __future__ import annotations

from collections.abc import Sequence

from llmscale.errors import UnsupportedModelError, UsageError
from llmscale.formats.catalogue import format_of
from llmscale.formats.recipe import REFUSE, REST, Quant, StoredTensor, chosen
from llmscale.model.inventory import Inventory, TensorGroup
from llmscale.model.spec import ModelSpec
from llmscale.records import NamedTuple


def assign_formats(quant: Quant, spec: ModelSpec, parts: Inventory) -> tuple[StoredTensor, ...]:
    """Every tensor that a file in this quant holds, and its format.

    Raises:
        UnsupportedModelError: the tool that writes such files does not take this model.
        UsageError: a sparsity that the formats cannot be kept in.
    """
    if quant.stored:
        return quant.stored
    found = _by_preset(quant, spec, parts) if quant.kind == "gguf" else _by_rules(quant, spec, parts)
    if not quant.sparsity:
        return found
    if quant.kind == "gguf":
        raise UsageError(
            f"A GGUF file holds no sparse tensors ({quant.name}, {quant.sparsity}).", "Name another quant."
        )
    from llmscale.formats.sparsity import parse_sparsity, sparsified

    return sparsified(found, parse_sparsity(quant.sparsity))


def _by_preset(quant: Quant, spec: ModelSpec, parts: Inventory) -> tuple[StoredTensor, ...]:
    from llmscale.formats.gguf import assign_preset

    found = assign_preset(quant.preset, spec, parts)
    if not quant.rules:
        return found
    from llmscale.formats.mixed import overridden

    return overridden(found, quant.rules)


def assign_format(quant: Quant, group: TensorGroup) -> StoredTensor:
    """The tensors of one group as a quant of rules keeps them.

    Raises:
        UnsupportedModelError, UsageError: as `assign_formats`.
    """
    found = _stored(quant, _unpacked(group.turned))
    if not quant.sparsity:
        return found
    from llmscale.formats.sparsity import parse_sparsity, sparsified

    return sparsified((found,), parse_sparsity(quant.sparsity))[0]


def _by_rules(quant: Quant, spec: ModelSpec, parts: Inventory) -> tuple[StoredTensor, ...]:
    groups = [group for group in parts.groups if group.tied_to is None or _own_head(quant, group)]
    if quant.needs and all(group.component != quant.needs for group in groups):
        raise UnsupportedModelError(
            f"{quant.name} is for {quant.needs}, and {spec.name} has none.",
            f"Its tensors would all be {quant.rules[REST]}.",
        )
    return tuple(_stored(quant, _unpacked(group.turned)) for group in groups)


#: What llama.cpp never puts on a device: the tables that tokens are looked up in (src/llama-arch.cpp, LAYER_INPUT).
ON_HOST = ("token_embd.weight", "per_layer_token_embd.weight", "position_embd.weight", "token_types.weight")


class FileWeights(NamedTuple):
    """Bytes of a file's tensors on devices that take all layers, and in host memory."""

    device: int
    host: int


def file_weights(found: Sequence[StoredTensor]) -> FileWeights:
    """Where the tensors of a GGUF file lie with all layers on devices.

    A table that is the head as well goes to the device for that, and is in host memory besides.
    """
    total = sum(each.bytes for each in found)
    host = sum(each.bytes for each in found if each.group.name in ON_HOST)
    apart = any(each.group.name == "output.weight" for each in found)
    twice = 0 if apart else sum(each.bytes for each in found if each.group.name == ON_HOST[0])
    return FileWeights(total - host + twice, host)


def weight_bytes(quant: Quant, spec: ModelSpec, parts: Inventory) -> int:
    """Bytes of all weights: each stored tensor by itself, tied ones once."""
    return sum(each.bytes for each in assign_formats(quant, spec, parts))


def _unpacked(group: TensorGroup) -> TensorGroup:
    """Experts whose gate and up are published in one stack, as two: tools give each expert linear layers of its own."""
    if len(group.shape) != 2 or group.role != "experts.gate_up":
        return group
    rows, columns = group.shape
    return group._replace(shape=(rows // 2, columns), experts=2 * group.experts, experts_used=2 * group.experts_used)


def _own_head(quant: Quant, group: TensorGroup) -> bool:
    return quant.own_head and group.role == "head.out"


def _stored(quant: Quant, group: TensorGroup) -> StoredTensor:
    form = format_of(chosen(quant.rules, group))
    if form.holds(group.shape):
        return StoredTensor(group, form)
    if quant.narrow == REFUSE:
        raise UnsupportedModelError(
            f"{quant.name} cannot hold {group.name}: its rows have {group.shape[-1]:,} columns, "
            f"{form.name} takes multiples of {form.multiple}.",
            f"Try a quant without blocks, or --quant-map to keep such tensors in {quant.rules[REST]}.",
        )
    return StoredTensor(group, format_of(quant.narrow))
