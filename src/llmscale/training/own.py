"""Tensors of a model itself as its class holds them, where a method trains some or all of them: shapes, with how many.

All experts' gate and up are one tensor there; the router's correction is a buffer, which nobody trains.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from llmscale.errors import UsageError
from llmscale.model.blocks.attention import Attention
from llmscale.model.inventory import TensorGroup, inventory
from llmscale.model.spec import ModelSpec

#: Model types whose class makes tensors that ask for no gradient, by the ends of their names: sines that are looked up.
FROZEN: dict[str, tuple[str, ...]] = {
    "marian": ("embed_positions.weight",),
    "pegasus": ("embed_positions.weight",),
    "roformer": ("embed_positions.weight",),
    "whisper": ("encoder.embed_positions.weight",),
}


def last_tensors(spec: ModelSpec, last: int) -> Iterator[tuple[tuple[int, ...], int]]:
    """Tensors of the last layers.

    Raises:
        UsageError: more layers than there are, or none.
    """
    prefixes, depth = answering(spec)
    if not 1 <= last <= depth:
        raise UsageError(
            f"--train-layers last:{last}: {spec.name} has {depth} layers.",
            f"Between last:1 and last:{depth}.",
        )
    for group in inventory(spec).stored():
        layers = tuple(number for number in group.layers if number >= depth - last)
        if layers and group.name.startswith(prefixes):
            yield from _in_class((group._replace(layers=layers),))


def answering(spec: ModelSpec) -> tuple[tuple[str, ...], int]:
    """Beginnings of tensors' names in the layers that make the answer, and how many these are: of an encoder and a
    decoder the decoder's, of a model that sees or hears those of its text."""
    crosses = any(isinstance(placed.block, Attention) and placed.block.source == "cross" for placed in spec.placed)
    found = [placed for placed in spec.placed if placed.layers and not placed.tower]
    if crosses and any("decoder" in placed.prefix.split(".") for placed in found):
        found = [placed for placed in found if "decoder" in placed.prefix.split(".")]
    return tuple({placed.prefix for placed in found}), 1 + max((max(placed.layers) for placed in found), default=-1)


def own_tensors(spec: ModelSpec, ending: str) -> Iterator[tuple[tuple[int, ...], int]]:
    """Tensors whose names end so; all of them with an empty ending."""
    still = FROZEN.get(spec.family, ())
    groups = (group for group in inventory(spec).stored() if not group.name.endswith(still))
    return _in_class(group for group in groups if group.name.endswith(ending))


def _in_class(groups: Iterable[TensorGroup]) -> Iterator[tuple[tuple[int, ...], int]]:
    """Tensors as the class holds them."""
    for group in groups:
        if group.role == "router.correction_bias":
            continue
        if group.experts == 1:
            yield group.shape, group.copies
        elif not group.role.endswith(".up"):  # the class holds all experts in one tensor, up in that of gate
            gate = group.role.endswith(".gate")
            rows = group.shape[0] * (2 if gate else 1)
            yield (group.experts, rows, *group.shape[1:]), max(1, len(group.layers))
