"""A GGUF file of which nothing is known but its size.

Its bits a weight follow, and the two recipes that it lies between. Its tensors are taken to be as those of both, layer
by layer, so that their sum is that of the file; which tensor it really holds in which format nobody can tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from llmscale.errors import UnsupportedModelError, UsageError
from llmscale.formats.catalogue import quants
from llmscale.formats.gguf.files import file_bytes
from llmscale.formats.recipe import Quant, StoredTensor
from llmscale.formats.weights import assign_formats
from llmscale.model.inventory import Inventory
from llmscale.model.spec import ModelSpec
from llmscale.records import NamedTuple

#: How far beyond the smallest and the largest recipe a file may lie to be one of the model at all: others keep tables
#: or heads in other formats, or hold a layer more.
BEYOND = 0.1
GB = 10**9


class Made(NamedTuple):
    """A recipe's file of the model."""

    quant: Quant
    bytes: int
    stored: tuple[StoredTensor, ...]

    @property
    def before(self) -> int:
        """Bytes that are no tensors."""
        return self.bytes - sum(each.bytes for each in self.stored)

    @property
    def told(self) -> str:
        """The recipe with its size."""
        return f"{self.quant.name} ({self.bytes / GB:,.2f} GB)"


class Sized(NamedTuple):
    """A file of a size as a quant, and the recipes below and above it; one twice where there is no other."""

    quant: Quant
    below: Made
    above: Made

    @property
    def recipes(self) -> list[str]:
        """The recipes that it lies between, or the one that has its size to two decimals."""
        ends = (self.below, self.above)
        same = [one.told for one in ends if f"{one.bytes / GB:.2f}" == f"{self.quant.file_bytes / GB:.2f}"]
        return same[:1] or list(dict.fromkeys(one.told for one in ends))


def sized(spec: ModelSpec, parts: Inventory, size: int, called: str) -> Sized:
    """The file of `size` bytes, as a quant that is called so.

    Raises:
        UsageError: a size that no file of this model has, or a model that no GGUF file can hold.
    """
    made = sorted(_recipes(spec, parts), key=lambda one: one.bytes)
    if not made:
        raise UsageError(
            f"The GGUF files of {spec.name} are not known here: llama.cpp has no architecture for it, or none that "
            "llmscale has checked its files of.",
            "Leave the size away.",
        )
    if not made[0].bytes * (1 - BEYOND) <= size <= made[-1].bytes * (1 + BEYOND):
        raise UsageError(
            f"A file of {size / GB:,.2f} GB is none of {spec.name} alone: they have {made[0].told} to {made[-1].told}.",
            "It may be of another size of the model, one part of several, or hold more than the model.",
        )
    below = next((one for one in reversed(made) if one.bytes <= size), made[0])
    above = next((one for one in made if one.bytes > size), made[-1])
    stored = _between(below.stored, above.stored, size - below.before)
    bits = 8 * sum(each.bytes for each in stored) / parts.total()
    unknown = replace(below.quant, id=called, name=called, aliases=[], estimated="a mix of two recipes")
    return Sized(replace(unknown, bits=bits, stored=stored, file_bytes=size), below, above)


def _recipes(spec: ModelSpec, parts: Inventory) -> Iterator[Made]:
    for quant in quants():
        if quant.kind != "gguf" or quant.keeps or quant.meant_for:
            continue
        try:
            stored = assign_formats(quant, spec, parts)
        except UnsupportedModelError:
            continue
        yield Made(quant, file_bytes(spec, stored)[0], stored)


def _between(below: Sequence[StoredTensor], above: Sequence[StoredTensor], size: int) -> tuple[StoredTensor, ...]:
    """The tensors of `below`, but as in `above` in so many layers, the first ones first, as there is room for."""
    larger = {_key(one): one for one in _apart(above)}
    found = sorted(_apart(below), key=lambda one: one.group.layers)
    total = sum(each.bytes for each in found)
    mixed: list[StoredTensor] = []
    for _, layer in groupby(found, key=lambda one: one.group.layers):
        own = list(layer)
        other = [larger.get(_key(one), one) for one in own]
        more = sum(each.bytes for each in other) - sum(each.bytes for each in own)
        fits = 0 < more <= size - total
        total += more if fits else 0
        mixed += other if fits else own
    return tuple(_together(mixed))


def _key(one: StoredTensor) -> tuple[str, tuple[int, ...]]:
    return one.group.name, one.group.layers


def _apart(stored: Sequence[StoredTensor]) -> Iterator[StoredTensor]:
    for each in stored:
        for layer in each.group.layers or (None,):
            layers = () if layer is None else (layer,)
            yield each._replace(group=each.group._replace(layers=layers))


def _together(stored: Sequence[StoredTensor]) -> Iterator[StoredTensor]:
    """Those alike in one group again."""
    alike: dict[tuple[object, ...], list[StoredTensor]] = {}
    for each in stored:
        alike.setdefault((each.group._replace(layers=()), each.form.id), []).append(each)
    for same in alike.values():
        layers = tuple(sorted(layer for one in same for layer in one.group.layers))
        yield same[0]._replace(group=same[0].group._replace(layers=layers))
