"""From what a class holds under many configs to what it holds under any: expressions of keys for every tensor.

What a size was made of, where that was seen (`trace`), is tried before anything else; the search of `solve` finds what
was not. Where no one expression gives all rows, conditions part them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from llmscale.model.families._expression import evaluate
from tests.oracle.probe.samples import Sample
from tests.oracle.probe.solve import Expression, Search, atoms, condition

#: Elements of lists that stand for themselves, besides those at a tensor's own place.
PLACES = (0, 1, 2, 3, -1)
LETTERS = "ijk"
#: Conditions below one another, and candidates for one size.
DEEPEST, CANDIDATES = 4, 24
Place = tuple[int, tuple[int, ...]]


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


class Rows:
    """Places of some samples, and what may be asked for there."""

    def __init__(self, samples: Sequence[Sample], places: Sequence[Place]) -> None:
        self.samples, self.places = samples, list(places)

    def __len__(self) -> int:
        return len(self.places)

    def those(self, mask: Any) -> Rows:
        """The rows that a mask leaves."""
        return Rows(self.samples, [place for place, yes in zip(self.places, mask, strict=True) if yes])

    @cached_property
    def values(self) -> dict[str, list[Any]]:
        """By feature, a value a row."""
        names: dict[str, None] = {}
        columns = [_at(self.samples[sample].given, indices) for sample, indices in self.places]
        for column in columns:
            names.update(dict.fromkeys(column))
        return {name: [column.get(name) for column in columns] for name in names}

    @cached_property
    def conditions(self) -> list[tuple[Any, Any]]:
        """Simple conditions and their rows, the opposite ones left out."""
        return [(name, row) for name, row in self.every.values() if not (isinstance(name, list) and name[0] == "not")]

    @cached_property
    def every(self) -> dict[bytes, tuple[Any, Any]]:
        found = atoms(self.values, len(self))
        given = self.samples[0].given
        for path in (path for path, value in given.items() if isinstance(value, list)):
            for number, letter in enumerate(LETTERS):
                if any(len(indices) <= number for _, indices in self.places):
                    break
                row = np.array([indices[number] in (self.samples[s].given[path] or ()) for s, indices in self.places])
                if row.any() and not row.all():
                    found.setdefault(row.tobytes(), (["in", letter, path], row))
                    found.setdefault((~row).tobytes(), (["not", ["in", letter, path]], ~row))
        return found

    @cached_property
    def search(self) -> Search:
        whole = {name: column for name, column in self.values.items() if all(_is_whole(v) for v in column)}
        return Search({name: np.array(column, np.int64) for name, column in whole.items()}, len(self))

    def of(self, expression: Expression) -> list[Any]:
        """What an expression comes to in each row; None where it cannot be said."""
        found = []
        for sample, indices in self.places:
            try:
                places = dict(zip(LETTERS, indices, strict=False))
                found.append(evaluate(expression, self.samples[sample].given, places))
            except (LookupError, TypeError, ArithmeticError, ValueError):
                found.append(None)
        return found


def _is_whole(value: Any) -> bool:
    return (isinstance(value, int) and not isinstance(value, bool)) or (
        isinstance(value, float) and value == int(value)
    )


class Rule(NamedTuple):
    """What a Config makes of a key.

    Attributes:
        always: whatever was said; otherwise where it was left open.
    """

    path: str
    always: bool
    makes: Expression


def settle(samples: Sequence[Sample]) -> list[Rule]:
    """What a Config makes of keys that are left open, as far as a small expression says it."""
    rules = []
    for path in {path: None for sample in samples for path in sample.settled}:
        always = any(sample.given[path] is not None and path in sample.settled for sample in samples)
        rows = [
            (number, sample.settled.get(path, (sample.given[path], None)))
            for number, sample in enumerate(samples)
            if always or sample.given[path] is None
        ]
        if not all(value is None or isinstance(value, (bool, int, str, list)) for _, (value, _) in rows):
            continue
        if (makes := _made(samples, rows)) is not None:
            rules.append(Rule(path, always, makes))
    return rules


def filled(given: dict[str, Any], rules: Sequence[Rule]) -> dict[str, Any]:
    """What is said, and what the Config makes of it."""
    found = dict(given)
    for path, always, makes in rules:
        if always or given.get(path) is None:
            try:
                found[path] = evaluate(makes, given, {})
            except (LookupError, TypeError, ArithmeticError):
                continue
    return found


def _made(samples: Sequence[Sample], rows: list[tuple[int, tuple[Any, Any]]]) -> Expression | None:
    def rows_of(places: Sequence[Place]) -> Rows:
        return Rows(samples, places)

    if not all(isinstance(value, list) for _, (value, _) in rows):
        seen = {(number, ()): value for number, value in rows}
        return _chosen(
            rows_of, {place: value for place, (value, _) in seen.items()}, {p: m for p, (_, m) in seen.items()}
        )
    lengths = [len(value) for _, (value, _) in rows]
    length = _solved(rows_of, lengths, [(number, ()) for number, _ in rows], Counter())
    if length is None:
        return None
    values = {(number, (i,)): one for number, (value, _) in rows for i, one in enumerate(value)}
    made = {(number, (i,)): one for number, (_, m) in rows for i, one in enumerate(m or ())}
    element = _chosen(rows_of, values, made)
    return None if element is None else ["list", length, element]


def _chosen(rows_of: Any, values: dict[Place, Any], made: dict[Place, Any]) -> Expression | None:
    """A number of keys, or one of a few words."""
    places = _some(list(values))
    if all(type(values[place]) is int for place in places):
        hints: Counter[str] = Counter()
        for place in places:
            if not isinstance(made.get(place, 0), (int, str)) or isinstance(made.get(place), str):
                for one in _general(made[place], place[1]):
                    hints[json.dumps(one)] += 1
        return _solved(rows_of, [values[p] for p in places], places, Counter(dict(hints.most_common(CANDIDATES))))
    if not all(isinstance(values[place], (bool, str, int, type(None))) for place in places):
        return None
    words = [json.loads(one) for one, _ in Counter(json.dumps(values[place]) for place in places).most_common()]
    if len(words) > 6:
        return None
    found: Expression = ["say", words[0]]
    rows = rows_of(places)
    for word in words[1:]:
        there = np.array([type(values[p]) is type(word) and values[p] == word for p in places], bool)
        when = _when(rows, there, DEEPEST)
        if when is None:
            return None
        found = ["if", when, ["say", word], found]
    return found


def _some(places: list[Place], most: int = 1500) -> list[Place]:
    """Of many places some, of every sample."""
    step = max(1, len(places) // most)
    return places if step == 1 else [p for n, p in enumerate(places) if n % step == 0 or n % 7 == 0][: most * 2]


def derive(samples: Sequence[Sample]) -> list[Group]:
    """The groups of a class.

    Raises:
        UnexplainedError: naming the tensor.
    """
    patterns = _patterns(samples)
    bounds = _bounds(patterns)
    kept: dict[Any, Rows] = {}

    def rows_of(places: Sequence[Place]) -> Rows:
        return kept.setdefault(tuple(places), Rows(samples, places))

    loops: dict[str, Expression] = {}
    for prefix in {p for pattern in patterns for p in _prefixes(pattern)}:
        found = _solved(rows_of, list(bounds[prefix].values()), list(bounds[prefix]), Counter())
        if found is None:
            raise UnexplainedError(f"numbers of {prefix}: {sorted(set(bounds[prefix].values()))[:8]}")
        loops[prefix] = found
    groups = []
    solved: dict[Any, Expression | None] = {}
    for pattern, seen in patterns.items():
        prefixes = _prefixes(pattern)
        places = _places(samples, prefixes, bounds)
        places = _some(places)
        rows = rows_of(places)
        there = np.array([place in seen for place in places], bool)
        when = _when(rows, there, DEEPEST)
        if when is None:
            raise UnexplainedError(f"{pattern} is there under no condition that was tried")
        here = [place for place in places if place in seen] or list(seen)[:50]
        if len({len(seen[row][0]) for row in here}) > 1:
            raise UnexplainedError(f"{pattern} has shapes of several ranks")
        shape = []
        for axis in range(len(seen[here[0]][0])):
            target = [seen[row][0][axis] for row in here]
            hints = _hints(seen, here, axis)
            key = (tuple(here), tuple(target), json.dumps(list(hints)))
            if key not in solved:
                solved[key] = _solved(rows_of, target, here, hints)
            if solved[key] is None:
                raise UnexplainedError(f"{pattern}: {sorted(set(target))[:8]}")
            shape.append(solved[key])
        groups.append(Group(pattern, tuple(loops[prefix] for prefix in prefixes), when, tuple(shape)))
    return groups


def _hints(seen: Any, here: list[Place], axis: int) -> Counter[str]:
    """What a size was made of, by how often; places of the layer's own number go by it."""
    found: Counter[str] = Counter()
    for row in here:
        made = seen[row][1]
        if made is not None and not isinstance(made[axis], int):
            for one in _general(made[axis], row[1]):
                found[json.dumps(one)] += 1
    return Counter(dict(found.most_common(CANDIDATES)))


def _general(made: Any, indices: tuple[int, ...]) -> Iterator[Any]:
    """An expression, and the ones that go by the numbers in the tensor's name."""
    text = json.dumps(made)
    yield made
    for letter, index in zip(LETTERS, indices, strict=False):
        other = text
        for step in (-1, 0, 1):
            other = other.replace(f'[{index + step}]"', f'[{letter}{step:+d}]"')
        if other != text:
            yield json.loads(other)


def _solved(rows_of: Any, target: list[int], places: list[Place], hints: Counter[str]) -> Expression | None:
    """An expression that gives every row."""
    by_sample: dict[int, set[int]] = {}
    for value, (sample, _) in zip(target, places, strict=True):
        by_sample.setdefault(sample, set()).add(value)
    if all(len(values) == 1 for values in by_sample.values()):
        places = [(sample, ()) for sample in by_sample]
        target = [next(iter(values)) for values in by_sample.values()]
    rows, goal = rows_of(places), np.array(target, np.int64)
    if (goal == goal[0]).all():
        return int(goal[0])
    tried = [(json.loads(text), _equal(rows.of(json.loads(text)), target)) for text in hints]
    for expression, right in sorted(tried, key=lambda each: len(json.dumps(each[0]))):
        if right.all():
            return expression
    if (found := rows.search.find(goal)) is not None:
        return found
    return _tree(rows, goal, tried, DEEPEST)


def _equal(values: list[Any], target: list[int]) -> Any:
    return np.array([a is not None and a == b for a, b in zip(values, target, strict=True)], bool)


def _tree(rows: Rows, goal: Any, tried: list[tuple[Any, Any]], deep: int) -> Expression | None:
    """Expressions, and the conditions that say which."""
    if (goal == goal[0]).all():
        return int(goal[0])
    for expression, right in tried:
        if right.all():
            return expression
    if len(rows) < 4 or not deep:
        return None
    if deep < DEEPEST and (found := rows.search.find(goal)) is not None:
        return found
    best: list[tuple[float, Any, Any]] = []
    constant = [goal == value for value, _ in Counter(goal.tolist()).most_common(6)]
    masks = [right for _, right in tried if right.any()] + constant
    for name, mask in rows.conditions:
        if not 0 < mask.sum() < len(rows):
            continue
        gain = max(((one & mask).sum() for one in masks), default=0) + max(
            ((one & ~mask).sum() for one in masks), default=0
        )
        best.append((float(gain), name, mask))
    best.sort(key=lambda each: -each[0])
    if not tried:
        best = [each for each in best if isinstance(each[1], str) or each[1][0] in ("is", "==", "<=")][:40]
        deep = min(deep, 2)
    for _, name, mask in best[: 3 if tried else 40]:
        sides = []
        for side in (mask, ~mask):
            part = _tree(rows.those(side), goal[side], [(e, right[side]) for e, right in tried], deep - 1)
            if part is None:
                break
            sides.append(part)
        if len(sides) == 2:
            return ["if", name, *sides]
    return None


def _when(rows: Rows, there: Any, deep: int) -> Any:
    """The condition under which something is there; conditions of conditions where no plain one says so."""
    if (found := condition(there, rows.every)) is not None:
        return found
    if not deep or len(rows) < 6:
        return None
    scored = []
    for name, mask in rows.conditions:
        first, second = there[mask], there[~mask]
        wrong = min(first.sum(), (~first).sum()) + min(second.sum(), (~second).sum())
        scored.append((int(wrong), name, mask))
    scored.sort(key=lambda each: each[0])
    for _, name, mask in scored[:3]:
        first = _when(rows.those(mask), there[mask], deep - 1)
        second = None if first is None else _when(rows.those(~mask), there[~mask], deep - 1)
        if second is not None:
            return ["if", name, first, second]
    return None


def _fixed(samples: Sequence[Sample]) -> set[str]:
    """What stands before numbers that are always the same, which are then part of the name."""
    values: dict[str, set[tuple[str, ...]]] = {}
    for sample in samples:
        here: dict[str, set[str]] = {}
        for name in sample.tensors:
            parts = name.split(".")
            for index, part in enumerate(parts):
                if part.isdigit():
                    here.setdefault(_before(parts, index), set()).add(part)
        for key, found in here.items():
            values.setdefault(key, set()).add(tuple(sorted(found)))
    return {key for key, found in values.items() if len(found) == 1 and len(next(iter(found))) <= 12}


def _before(parts: list[str], index: int) -> str:
    return ".".join("{}" if part.isdigit() else part for part in parts[:index]) + "."


def _patterns(samples: Sequence[Sample]) -> dict[str, dict[Place, tuple[Any, Any]]]:
    """By pattern: sample and numbers -> shape, and what it was made of."""
    fixed = _fixed(samples)
    patterns: dict[str, dict[Place, tuple[Any, Any]]] = {}
    for number, sample in enumerate(samples):
        for name, shape in sample.tensors.items():
            whole = name.split(".")
            parts, indices = list(whole), []
            for index, part in enumerate(whole):
                if part.isdigit() and _before(whole, index) not in fixed:
                    indices.append(int(part))
                    parts[index] = "{}"
            if len(indices) > len(LETTERS):
                raise UnexplainedError(f"{name} has more than three numbers")
            patterns.setdefault(".".join(parts), {})[number, tuple(indices)] = shape, sample.made.get(name)
    return patterns


def _prefixes(pattern: str) -> list[str]:
    parts = pattern.split("{}")
    return ["{}".join(parts[: index + 1]) for index in range(len(parts) - 1)]


def _bounds(patterns: Any) -> dict[str, dict[Place, int]]:
    """By what stands before a number: sample and outer numbers -> how many there are."""
    bounds: dict[str, dict[Place, int]] = {}
    for pattern, seen in patterns.items():
        for depth, prefix in enumerate(_prefixes(pattern)):
            found = bounds.setdefault(prefix, {})
            for sample, indices in seen:
                key = (sample, indices[:depth])
                found[key] = max(found.get(key, 0), indices[depth] + 1)
    return bounds


def _places(samples: Any, prefixes: list[str], bounds: Any) -> list[Place]:
    """Where a tensor may be."""
    places: list[Place] = [(sample, ()) for sample in range(len(samples))]
    for prefix in prefixes:
        places = [
            (sample, (*indices, number))
            for sample, indices in places
            for number in range(bounds[prefix].get((sample, indices), 0))
        ]
    return places


def _at(given: dict[str, Any], indices: tuple[int, ...]) -> dict[str, Any]:
    found: dict[str, Any] = dict(zip(LETTERS, indices, strict=False))
    for path, value in given.items():
        if not isinstance(value, list):
            found[path] = value
            continue
        found[f"len {path}"] = len(value)
        for place in PLACES:
            if -len(value) <= place < len(value):
                found[f"{path}[{place}]"] = value[place]
        for letter, index in zip(LETTERS, indices, strict=False):
            for step in (-1, 0, 1):
                if 0 <= index + step < len(value):
                    found[f"{path}[{letter}{step:+d}]"] = value[index + step]
    return found
