"""From what a class holds under many configs to what it holds under any: expressions of keys for every tensor.

What a size was made of, where that was seen (`trace`), is tried before anything else; the search of `solve` finds what
was not. Where no one expression gives all rows, conditions part them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tests.oracle.probe.fitting import CANDIDATES, DEEPEST, condition_for, expression_for, general, some
from tests.oracle.probe.names import UnexplainedError, bounds_of, patterns_of, places_of, prefixes_of
from tests.oracle.probe.rows import Place, Rows
from tests.oracle.probe.samples import Sample
from tests.oracle.probe.solve import Expression


class Group(NamedTuple):
    """Tensors of one name but for the numbers in it.

    Attributes:
        name: with ``{}`` where numbers stand.
        loops: how many there are of each number; an inner one may go by the outer ones.
        when: the condition under which one is there.
        shape: its dimensions.
    """

    name: str
    loops: tuple[Expression, ...]
    when: Any
    shape: tuple[Expression, ...]


def derive(samples: Sequence[Sample]) -> list[Group]:
    """The groups of a class.

    Raises:
        UnexplainedError: naming the tensor.
    """
    return _Derivation(samples).groups()


class _Derivation:
    """What is found of the tensors of some samples; what is the same question is asked once."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self.samples = samples
        self.patterns = patterns_of(samples)
        self.bounds = bounds_of(self.patterns)
        self.rows: dict[Any, Rows] = {}
        self.sizes: dict[Any, Expression | None] = {}
        self.loops = {p: self._loop(p) for p in {p: None for name in self.patterns for p in prefixes_of(name)}}

    def groups(self) -> list[Group]:
        """The groups, in the order of the names; those of a name that has several ranks are never there at once."""
        found = []
        for pattern, seen in self.patterns.items():
            for rank in sorted({len(shape) for shape, _ in seen.values()}):
                alike = {place: one for place, one in seen.items() if len(one[0]) == rank}
                found.append(self._group(pattern, alike))
        return found

    def _rows(self, places: Sequence[Place]) -> Rows:
        return self.rows.setdefault(tuple(places), Rows(self.samples, places))

    def _loop(self, prefix: str) -> Expression:
        counts = self.bounds[prefix]
        found = expression_for(self._rows, list(counts.values()), list(counts), Counter())
        if found is None:
            raise UnexplainedError(f"numbers of {prefix}: {sorted(set(counts.values()))[:8]}")
        return self._or_none(found)

    def _or_none(self, count: Expression) -> Expression:
        """A count, and 0 where its key is null: there is nothing to count."""
        for sample in self.samples:
            if isinstance(count, str) and sample.given.get(count, 0) is None:
                return ["if", ["is", count, None], 0, count]
        return count

    def _group(self, pattern: str, seen: dict[Place, tuple[Any, Any]]) -> Group:
        prefixes = prefixes_of(pattern)
        places = some(places_of(self.samples, prefixes, self.bounds, self.loops))
        when = condition_for(self._rows(places), np.array([place in seen for place in places], bool), DEEPEST)
        if when is None:
            raise UnexplainedError(f"{pattern} is there under no condition that was tried")
        here = [place for place in places if place in seen] or list(seen)[:50]
        shape = tuple(self._size(pattern, seen, here, axis) for axis in range(len(seen[here[0]][0])))
        return Group(pattern, tuple(self.loops[prefix] for prefix in prefixes), when, shape)

    def _size(self, pattern: str, seen: dict[Place, tuple[Any, Any]], here: list[Place], axis: int) -> Expression:
        target = [seen[row][0][axis] for row in here]
        hints = self._hints(seen, here, axis)
        key = (tuple(here), tuple(target), json.dumps(list(hints)))
        if key not in self.sizes:
            self.sizes[key] = expression_for(self._rows, target, here, hints)
        found = self.sizes[key]
        if found is None:
            raise UnexplainedError(f"{pattern}: {sorted(set(target))[:8]}")
        return found

    def _hints(self, seen: Any, here: list[Place], axis: int) -> Counter[str]:
        """What a size was made of, by how often; places of the layer's own number go by it."""
        found: Counter[str] = Counter()
        for row in here:
            made = seen[row][1]
            if made is not None and not isinstance(made[axis], int):
                for one in general(made[axis], row[1], self.samples[row[0]].given):
                    found[json.dumps(one)] += 1
        return Counter(dict(found.most_common(CANDIDATES)))
