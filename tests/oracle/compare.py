"""Our list of tensors against the library's, name by name and shape by shape."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from math import prod
from typing import NamedTuple

from llmscale.model.inventory import Inventory
from tests.oracle.components import components
from tests.oracle.rules import Rule, rules_for
from tests.oracle.subjects import Shape, tensors

Tensors = Counter[tuple[str, Shape]]


class Comparison(NamedTuple):
    """How the two lists agree.

    Attributes:
        theirs: parameters of the library's class, each stored tensor once.
        names: ``equal`` when both say every name, ``renamed`` when they do after `rules.RULES`, ``shapes`` when
            only the shapes are the same, ``differ`` when not even these.
        components: whether their sums were compared, or left out because names alone do not tell them.
        differences: what differs, a line each; empty when nothing does.
    """

    theirs: int
    names: str
    components: bool
    differences: list[str]


def compare(model_type: str, ours: Inventory, stored: Mapping[str, Shape], again: Mapping[str, Shape]) -> Comparison:
    """Compare an inventory with the class's tensors: those `stored`, and those that are there `again` (tied)."""
    theirs = sum(map(prod, stored.values()))
    untied = theirs + sum(map(prod, again.values()))
    differences = [*_sizes("total", ours.total(), theirs), *_sizes("untied", ours.untied_total(), untied)]

    single = [tensor for group in ours.groups for tensor in tensors(group)]
    rules = rules_for(model_type)
    kept = aligned(stored.items(), rules)
    mine, real = aligned(single, rules_for(model_type, to_ours=True)), kept + aligned(again.items(), rules)
    if mine != real:
        names = "shapes" if by_shape(mine) == by_shape(real) else "differ"
        differences += [*_only("here", mine - real), *_only("there", real - mine)]
    else:
        names = "equal" if Counter(single) == Counter([*stored.items(), *again.items()]) else "renamed"

    sums = components(model_type, kept)
    if sums is not None:
        for part, size in ours.components().items():
            differences += _sizes(part, size, sums.get(part, 0))
    return Comparison(theirs, names, sums is not None, differences)


def aligned(named: Iterable[tuple[str, Shape]], rules: list[Rule]) -> Tensors:
    """The tensors under the names, and in the pieces, that `rules` give them."""
    found: Tensors = Counter()
    for tensor in named:
        pieces = [tensor]
        for rule in rules:
            pieces = [new for name, shape in pieces for new in rule.apply(name, shape)]
        found.update(pieces)
    return found


def by_shape(found: Tensors) -> Counter[Shape]:
    """How many tensors have each shape."""
    shapes: Counter[Shape] = Counter()
    for (_, shape), count in found.items():
        shapes[shape] += count
    return shapes


def _sizes(what: str, ours: int, theirs: int) -> list[str]:
    return [] if ours == theirs else [f"{what}: {ours:,} here, {theirs:,} there ({ours - theirs:+,})"]


def _only(where: str, found: Tensors, most: int = 6) -> list[str]:
    lines = [f"only {where}: {name} {shape}" for name, shape in sorted(found)]
    return lines[:most] + ([f"only {where}: {len(lines) - most} more"] if len(lines) > most else [])
