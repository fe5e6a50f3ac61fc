"""Finds the shortest expression of keys that gives a row of numbers, by trying all of them from small to large."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from tests.oracle.probe.trace import MET

#: A number, the name of a feature, or [operator, left, right].
Expression = Any
Row = np.ndarray
CONSTANTS = (1, 2, 3, 4, 6, 8, 16, 32, 64)
#: Rows of at most so many are combined once more.
MOST = 300
#: Of more features none are combined: what a number was made of has then to be seen.
WIDEST = 70


class Search:
    """Expressions over some features, found by their rows; smaller ones first."""

    def __init__(self, features: dict[str, Row], length: int) -> None:
        self.length = length
        self.levels: list[dict[bytes, tuple[Expression, Row]]] = [{}]
        self.seen: dict[bytes, Expression] = {}
        for name, row in features.items():
            self._add(self.levels[0], name, row.astype(np.int64))
        for constant in CONSTANTS:
            self._add(self.levels[0], constant, np.full(length, constant, np.int64))

    def find(self, target: Row) -> Expression | None:
        """The expression of `target`; None when there is none as small as this."""
        target = target.astype(np.int64)
        if (target == target[0]).all():
            return int(target[0])
        for depth in range(4):
            if (found := self.seen.get(target.tobytes())) is not None:
                return found
            if depth < 3 and len(self.levels) <= depth + 1 and not self._grow():
                break
        return self._meet(target)

    def _grow(self) -> bool:
        base, last = self.levels[0], self.levels[-1]
        if len(last) > MOST or len(base) > WIDEST or len(self.levels) > 2:
            return False
        level: dict[bytes, tuple[Expression, Row]] = {}
        for left, a in list(last.values()):
            for right, b in base.values():
                for name, row in _combined(a, b):
                    self._add(level, [name, left, right], row)
                if last is not base:
                    for name, row in _combined(b, a):
                        self._add(level, [name, right, left], row)
        self.levels.append(level)
        return True

    def _meet(self, target: Row) -> Expression | None:
        """``target = x + y`` or ``x * y`` of expressions that are known."""
        for level in self.levels:
            for expression, row in level.values():
                if (found := self.seen.get((target - row).tobytes())) is not None:
                    return ["+", expression, found]
                if (row != 0).all() and (target % row == 0).all():
                    found = self.seen.get((target // row).tobytes())
                    if found is not None:
                        return ["*", expression, found]
                for rest in (1, 2):  # class tokens beside a grid of patches
                    if (row > 1).all() and ((target - rest) % row == 0).all():
                        found = self.seen.get(((target - rest) // row).tobytes())
                        if found is not None:
                            return ["+", ["*", expression, found], rest]
        return None

    def _add(self, level: dict[bytes, tuple[Expression, Row]], expression: Expression, row: Row) -> None:
        key = row.tobytes()
        if key not in self.seen and np.abs(row).max(initial=0) < 1 << 40:
            self.seen[key] = expression
            level[key] = (expression, row)


def _combined(a: Row, b: Row) -> Iterable[tuple[str, Row]]:
    yield "*", a * b
    yield "+", a + b
    yield "-", a - b
    if (b > 0).all():
        yield "//", a // b
        yield "%", a % b


def condition(target: Row, atoms: dict[bytes, tuple[Any, Row]]) -> Any | None:
    """The condition under which `target` is true: an atom, its opposite, or two of them joined."""
    if target.all():
        return True
    if not target.any():
        return False
    if (found := atoms.get(target.tobytes())) is not None:
        return found[0]
    rows = list(atoms.values())
    above = [(name, row) for name, row in rows if (row | ~target).all()]
    below = [(name, row) for name, row in rows if (~row | target).all()]
    for joined, pool in (("and", above), ("or", below)):
        for index, (left, a) in enumerate(pool):
            for right, b in pool[index + 1 :]:
                both = a & b if joined == "and" else a | b
                if (both == target).all():
                    return [joined, left, right]
    return None


def remainders(letters: Iterable[str], names: Iterable[str]) -> list[Any]:
    """Conditions on what is left of a layer's number over some number, where the class was seen to ask such a one.

    The number is what it was then, as it was made of keys, or any of the `names`.
    """
    met = [(ast.literal_eval(left), int(right)) for _, left, right in MET if left[:4] == "['%'" and right.isdigit()]
    asked = [(over, rest) for (_, number, over), rest in met if type(number) is int]
    asked += [(name, rest) for rest in {rest for _, rest in asked} for name in names]
    found = [["==", ["%", letter, over], rest] for letter in letters for over, rest in asked]
    return [json.loads(one) for one in sorted({json.dumps(one) for one in found})]


def atoms(values: dict[str, Sequence[Any]], length: int) -> dict[bytes, tuple[Any, Row]]:
    """Every simple condition over values, by its row; the plainest of those that say the same.

    Of many numbers only those are compared that the class was seen to compare.
    """
    found: dict[bytes, tuple[Any, Row]] = {}

    def add(name: Any, row: Any) -> None:
        row = np.asarray(row, bool)
        if row.any() and not row.all():
            found.setdefault(row.tobytes(), (name, row))
            found.setdefault((~row).tobytes(), (["not", name], ~row))

    numbers: dict[str, Row] = {}
    for name, column in values.items():
        if all(isinstance(v, bool) for v in column):
            add(name, column)
        add(["is", name, None], [v is None for v in column])
        for value in sorted({v for v in column if isinstance(v, str | bool)}, key=str):
            add(["is", name, value], [v is value or v == value for v in column])
        if any(isinstance(v, float) for v in column) and all(isinstance(v, int | float) for v in column):
            add(["<=", name, 0], [v <= 0 for v in column])
        if all(type(v) is int for v in column):
            numbers[name] = np.array(column, np.int64)
    for name, row in numbers.items():
        few = np.unique(row)
        for value in {0, 1, 2, 3, *(few.tolist() if len(few) <= 12 else ())}:
            add(["<=", name, value], row <= value)
            add(["==", name, value], row == value)
    met = {(left[1:-1], right[1:-1]) for _, left, right in MET if left[0] == right[0] == "'"}
    many = len(numbers) > WIDEST
    for left, a in numbers.items():
        for right, b in numbers.items():
            stages = "~" in left and left.partition("~")[0] == right.partition("~")[0]
            if left == right or (many and left not in ("i", "j", "k") and not stages and (left, right) not in met):
                continue
            add(["<", left, right], a < b)
            add(["==", left, right], a == b)
            if left in ("i", "j", "k") and (b > 0).all():
                for rest in (0, 1):
                    add(["==", ["%", ["+", left, rest], right], 0], (a + rest) % b == 0)
        if left in ("i", "j", "k"):
            for step in (2, 3, 4, 5, 6):
                for rest in range(step):
                    add(["==", ["%", left, step], rest], a % step == rest)
    return found
