"""Names of tensors as patterns: which numbers stand in them, and how many there are of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llmscale.model.families._expression import evaluate
from tests.oracle.probe.rows import LETTERS, Place
from tests.oracle.probe.samples import Sample


class UnexplainedError(Exception):
    """Something was seen that no small expression gives."""


def patterns_of(samples: Sequence[Sample]) -> dict[str, dict[Place, tuple[Any, Any]]]:
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


def prefixes_of(pattern: str) -> list[str]:
    parts = pattern.split("{}")
    return ["{}".join(parts[: index + 1]) for index in range(len(parts) - 1)]


def bounds_of(patterns: Any) -> dict[str, dict[Place, int]]:
    """By what stands before a number: sample and outer numbers -> how many there are."""
    bounds: dict[str, dict[Place, int]] = {}
    for pattern, seen in patterns.items():
        for depth, prefix in enumerate(prefixes_of(pattern)):
            found = bounds.setdefault(prefix, {})
            for sample, indices in seen:
                key = (sample, indices[:depth])
                found[key] = max(found.get(key, 0), indices[depth] + 1)
    return bounds


def places_of(samples: Sequence[Sample], prefixes: list[str], bounds: Any, loops: Any) -> list[Place]:
    """Where a tensor may be: where some have a number there, or would by what says how many there are."""

    def count(prefix: str, sample: int, indices: tuple[int, ...]) -> int:
        if (seen := bounds[prefix].get((sample, indices))) is not None:
            return int(seen)
        try:
            return int(evaluate(loops[prefix], samples[sample].given, dict(zip(LETTERS, indices, strict=False))))
        except (LookupError, TypeError, ArithmeticError):
            return 0

    places: list[Place] = [(sample, ()) for sample in range(len(samples))]
    for prefix in prefixes:
        places = [
            (sample, (*indices, number))
            for sample, indices in places
            for number in range(count(prefix, sample, indices))
        ]
    return places
