"""An expression that gives every row, and a condition that says where something is; see `derive`."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.oracle.probe.rows import LETTERS, Place, Rows, pointed
from tests.oracle.probe.solve import Expression, condition

#: Conditions below one another, and candidates for one size.
DEEPEST, CANDIDATES = 4, 24


def expression_for(rows_of: Any, target: list[int], places: list[Place], hints: Counter[str]) -> Expression | None:
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
    return _by_word(rows, goal) or _tree(rows, goal, tried, DEEPEST)


def _by_word(rows: Rows, goal: Any) -> Expression | None:
    """An expression for each word of one key: sizes of a model that is named."""
    for name, column in rows.values.items():
        if not all(isinstance(word, str) for word in column):
            continue
        words = np.array(column)
        found: dict[str, Expression] = {}
        for word in sorted(set(column)):
            part = _tree(rows.those(words == word), goal[words == word], [], 2)
            if part is None:
                break
            found[word] = part
        else:
            *others, last = found
            made = found[last]
            for word in others:
                if found[word] != found[last]:
                    made = ["if", ["is", name, word], found[word], made]
            return made
    return None


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


def condition_for(rows: Rows, there: Any, deep: int) -> Any:
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
        first = condition_for(rows.those(mask), there[mask], deep - 1)
        second = None if first is None else condition_for(rows.those(~mask), there[~mask], deep - 1)
        if second is not None:
            return ["if", name, first, second]
    return None


def general(made: Any, indices: tuple[int, ...], given: dict[str, Any]) -> Iterator[Any]:
    """An expression, and the ones that go by the numbers in the tensor's name, or by a stage that they mean."""
    text = json.dumps(made)
    yield made
    for letter, index in zip(LETTERS, indices, strict=False):
        other = text
        for step in (-1, 0, 1):
            other = other.replace(f'[{index + step}]"', f'[{letter}{step:+d}]"')
        if other != text:
            yield json.loads(other)
    for path in {match for match in re.findall(r'"([^"\[]+)\[\d+\]"', text) if isinstance(given.get(match), list)}:
        for place, number in pointed(given, path, indices):
            if f'"{path}[{number}]"' in text:
                yield json.loads(text.replace(f'"{path}[{number}]"', f'"{place}"'))


def some(places: list[Place], most: int = 1500) -> list[Place]:
    """Of many places some, of every sample."""
    step = max(1, len(places) // most)
    return places if step == 1 else [p for n, p in enumerate(places) if n % step == 0 or n % 7 == 0][: most * 2]
