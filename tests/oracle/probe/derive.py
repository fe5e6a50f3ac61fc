"""From what a class holds under many configs to what it holds under any: expressions of keys for every tensor."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tests.oracle.probe.samples import Sample
from tests.oracle.probe.solve import Expression, Search, atoms, condition

#: Elements of lists that stand for themselves, besides those at a tensor's own place.
PLACES = (0, 1, 2, 3, -1)


class UnexplainedError(Exception):
    """Something was seen that no small expression gives."""


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
    samples = [sample._replace(settled=_said(sample, overwritten(samples))) for sample in samples]
    patterns = _patterns(samples)
    bounds = _bounds(samples, patterns)
    loops: dict[str, tuple[Expression, ...]] = {}
    searches: dict[Any, Search] = {}

    def search(rows: list[tuple[int, tuple[int, ...]]]) -> Search:
        key = tuple(rows)
        if key not in searches:
            searches[key] = Search(_numbers(samples, rows), len(rows))
        return searches[key]

    def solve(target: list[int], rows: list[tuple[int, tuple[int, ...]]], what: str) -> Expression:
        by_sample = {}
        for value, (sample, _) in zip(target, rows, strict=True):
            by_sample.setdefault(sample, set()).add(value)
        if all(len(values) == 1 for values in by_sample.values()):
            rows = [(sample, ()) for sample in by_sample]
            target = [next(iter(values)) for values in by_sample.values()]
        found = search(rows).find(np.array(target))
        if found is None:
            found = _split(samples, rows, target, search)
        if found is None:
            raise UnexplainedError(f"{what}: {sorted(set(target))[:8]}")
        return found

    for prefix in {p for pattern in patterns for p in _prefixes(pattern)}:
        rows, target = [], []
        for (sample, outer), bound in bounds[prefix].items():
            rows.append((sample, outer))
            target.append(bound)
        loops[prefix] = solve(target, rows, prefix)

    groups = []
    for pattern, seen in patterns.items():
        prefixes = _prefixes(pattern)
        places = _places(samples, prefixes, bounds)
        there = np.array([place in seen for place in places], bool)
        when = condition(there, atoms(_values(samples, places), len(places)))
        if when is None:
            raise UnexplainedError(f"{pattern} is there under no condition that was tried")
        rows = [place for place in places if place in seen]
        ranks = {len(seen[row]) for row in rows}
        if len(ranks) > 1:
            raise UnexplainedError(f"{pattern} has shapes of several ranks")
        shape = tuple(solve([seen[row][axis] for row in rows], rows, pattern) for axis in range(ranks.pop()))
        groups.append(Group(pattern, tuple(loops[prefix] for prefix in prefixes), when, shape))
    return groups


def overwritten(samples: Sequence[Sample]) -> set[str]:
    """Keys that the Config makes of others, whatever a file says."""
    return {
        path
        for sample in samples
        for path, value in sample.given.items()
        if value is not None and sample.settled.get(path, value) != value
    }


def _said(sample: Sample, without: set[str]) -> dict[str, Any]:
    return {path: value for path, value in sample.settled.items() if path not in without}


def _split(samples: Any, rows: Any, target: list[int], search: Any) -> Expression | None:
    """Two expressions, and the condition that says which."""
    goal = np.array(target)
    for name, mask in atoms(_values(samples, rows), len(rows)).values():
        if isinstance(name, list) and name[0] == "not":
            continue
        if min(mask.sum(), (~mask).sum()) < 4 or (isinstance(name, list) and name[0] not in ("is", "==")):
            continue
        first = search([row for row, yes in zip(rows, mask, strict=True) if yes]).find(goal[mask])
        if first is None:
            continue
        second = search([row for row, yes in zip(rows, mask, strict=True) if not yes]).find(goal[~mask])
        if second is not None:
            return ["if", name, first, second]
    return None


def _patterns(samples: Sequence[Sample]) -> dict[str, dict[tuple[int, tuple[int, ...]], tuple[int, ...]]]:
    """By pattern: sample and numbers -> shape. Numbers that are always the same are part of the name."""
    values: dict[str, list[set[str]]] = {}
    for sample in samples:
        here: dict[str, set[str]] = {}
        for name in sample.tensors:
            parts = name.split(".")
            for index, part in enumerate(parts):
                if part.isdigit():
                    key = re.sub(r"(?<=\.)\d+(?=\.|$)", "{}", ".".join(parts[:index])) + "."
                    here.setdefault(key, set()).add(part)
        for key, found in here.items():
            values.setdefault(key, []).append(found)
    fixed = {key for key, found in values.items() if len(found) > 1 and all(one == found[0] for one in found)}
    patterns: dict[str, dict[tuple[int, tuple[int, ...]], tuple[int, ...]]] = {}
    for number, sample in enumerate(samples):
        for name, shape in sample.tensors.items():
            parts, indices = name.split("."), []
            for index, part in enumerate(parts):
                key = re.sub(r"(?<=\.)\d+(?=\.|$)", "{}", ".".join(name.split(".")[:index])) + "."
                if part.isdigit() and key not in fixed:
                    indices.append(int(part))
                    parts[index] = "{}"
            patterns.setdefault(".".join(parts), {})[number, tuple(indices)] = shape
    return patterns


def _prefixes(pattern: str) -> list[str]:
    parts = pattern.split("{}")
    return ["{}".join(parts[: index + 1]) for index in range(len(parts) - 1)]


def _bounds(samples: Any, patterns: Any) -> dict[str, dict[tuple[int, tuple[int, ...]], int]]:
    """By what stands before a number: sample and outer numbers -> how many there are."""
    bounds: dict[str, dict[tuple[int, tuple[int, ...]], int]] = {}
    for pattern, seen in patterns.items():
        for depth, prefix in enumerate(_prefixes(pattern)):
            found = bounds.setdefault(prefix, {})
            for sample, indices in seen:
                key = (sample, indices[:depth])
                found[key] = max(found.get(key, 0), indices[depth] + 1)
    return bounds


def _places(samples: Any, prefixes: list[str], bounds: Any) -> list[tuple[int, tuple[int, ...]]]:
    """Where a tensor may be."""
    places: list[tuple[int, tuple[int, ...]]] = [(sample, ()) for sample in range(len(samples))]
    for prefix in prefixes:
        places = [
            (sample, (*indices, number))
            for sample, indices in places
            for number in range(bounds[prefix].get((sample, indices), 0))
        ]
    return places


def _values(samples: Any, places: Any) -> dict[str, list[Any]]:
    """What may be asked for at each place."""
    names: dict[str, None] = {}
    columns = [_at(samples[sample].settled, indices) for sample, indices in places]
    for column in columns:
        names.update(dict.fromkeys(column))
    return {name: [column.get(name) for column in columns] for name in names}


def _numbers(samples: Any, places: Any) -> dict[str, np.ndarray]:
    columns = _values(samples, places)
    whole = {
        name: column
        for name, column in columns.items()
        if all(
            (isinstance(v, int) and not isinstance(v, bool)) or (isinstance(v, float) and v == int(v)) for v in column
        )
    }
    return {name: np.array(column, np.int64) for name, column in whole.items()}


def _at(settled: dict[str, Any], indices: tuple[int, ...]) -> dict[str, Any]:
    found: dict[str, Any] = dict(zip("ij", indices, strict=False))
    for path, value in settled.items():
        if not isinstance(value, list):
            found[path] = value
            continue
        found[f"len {path}"] = len(value)
        for place in PLACES:
            if -len(value) <= place < len(value):
                found[f"{path}[{place}]"] = value[place]
        for letter, index in zip("ij", indices, strict=False):
            for step in (-1, 0, 1):
                if 0 <= index + step < len(value):
                    found[f"{path}[{letter}{step:+d}]"] = value[index + step]
    return found
