"""Places where a tensor may be, under the configs that were built, and what may be asked for there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from llmscale.model.families._expression import evaluate, stage_of
from tests.oracle.probe.samples import Sample
from tests.oracle.probe.solve import Expression, Search, atoms, remainders

#: Elements of lists that stand for themselves, besides those at a tensor's own place.
PLACES = (0, 1, 2, 3, -1)
LETTERS = "ijk"
#: A config's number, and the numbers in a tensor's name.
Place = tuple[int, tuple[int, ...]]


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
                lists = [self.samples[s].given[path] for s, _ in self.places]
                row = np.array(
                    [
                        isinstance(one, list) and at[number] in one
                        for one, (_, at) in zip(lists, self.places, strict=True)
                    ]
                )
                _noted(found, ["in", letter, path], row)
        self._remainders(found)
        return found

    def _remainders(self, found: dict[bytes, tuple[Any, Any]]) -> None:
        letters = LETTERS[: min((len(indices) for _, indices in self.places), default=0)]
        names = [path for path, value in self.samples[0].given.items() if type(value) is int]
        for asked in remainders(letters, names):
            row = self.of(asked)
            if None in row:  # nothing is left over nothing
                asked = ["and", ["<", 0, asked[1][2]], asked]
                row = self.of(asked)
            if None not in row:
                _noted(found, asked, np.array(row, bool))

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


def _noted(found: dict[bytes, tuple[Any, Any]], name: Any, row: Any) -> None:
    if row.any() and not row.all():
        found.setdefault(row.tobytes(), (name, row))
        found.setdefault((~row).tobytes(), (["not", name], ~row))


def _is_whole(value: Any) -> bool:
    return (isinstance(value, int) and not isinstance(value, bool)) or (
        isinstance(value, float) and value == int(value)
    )


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
        for place, number in pointed(given, path, indices):
            found[place] = value[number]
        if _are_depths(value):
            found[f"sum {path}"] = sum(value)
            for letter, index in zip(LETTERS, indices, strict=False):
                for step in (-1, 0):
                    if index + step < sum(value):
                        found[f"{path}~{letter}{step:+d}"] = stage_of(value, max(0, index + step))
    return found


def _are_depths(value: list[Any]) -> bool:
    """Whether a list may say how many layers each stage has."""
    return len(value) > 1 and all(type(one) is int and 0 < one < 100 for one in value)


def _of_stages(given: dict[str, Any], path: str, indices: tuple[int, ...]) -> Iterator[tuple[str, int]]:
    """Elements of a list with one for each stage, by the stage of a layer or of the one before it."""
    above = path.rpartition(".")[0]
    for depths, value in given.items():
        if depths == path or depths.rpartition(".")[0] != above or not isinstance(value, list):
            continue
        if len(value) == len(given[path]) and _are_depths(value):
            for letter, index in zip(LETTERS, indices, strict=False):
                for step in (-1, 0):
                    if index + step < sum(value):
                        yield f"{path}[{depths}~{letter}{step:+d}]", stage_of(value, max(0, index + step))


def pointed(given: dict[str, Any], path: str, indices: tuple[int, ...]) -> Iterator[tuple[str, int]]:
    """Elements of a list of a backbone at the places that it gives out, by the numbers in a tensor's name."""
    yield from _of_stages(given, path, indices)
    pointer = f"{path.rpartition('.')[0]}.out_indices".removeprefix(".")
    numbers, values = given.get(pointer), given[path]
    if path == pointer or not isinstance(numbers, list):
        return
    for letter, index in (*zip(LETTERS, indices, strict=False), ("", 0), ("", -1)):
        for step in (-1, 0, 1):
            if -1 <= index < len(numbers) and 0 <= numbers[index] + step < len(values):
                at = f"{letter}+0" if letter else str(index)
                yield f"{path}[{pointer}[{at}]{step:+d}]", numbers[index] + step
