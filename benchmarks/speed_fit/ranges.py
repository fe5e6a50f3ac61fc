"""Ranges that hold the truth 95 times in 100, and how far off predictions are."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import median
from typing import NamedTuple

from speed_fit.rows import Row

#: Ranges come from a class with so many rows left out, else from its runtime, else from all.
RANGE_ROWS = 30
#: And of so many models (devices).
RANGE_GROUPS = 5
COVERAGE = 0.95
#: Widening stops here, at a factor of 20.
WIDEST = 3.0


def quantiles(logs: Iterable[float]) -> tuple[float, float]:
    """Logarithms of the factors around a prediction that hold `COVERAGE` of the measurements."""
    ranked = sorted(logs)
    skip = max(math.floor((len(ranked) + 1) * (1 - COVERAGE) / 2) - 1, 0)
    return min(ranked[skip], 0.0), max(ranked[len(ranked) - 1 - skip], 0.0)


class Ranges(NamedTuple):
    """The pool of left-out errors that each class takes its range from, and by what (a logarithm) it is widened.

    A class takes its own errors where they are many and of several models (devices), else its runtime's, else all. The
    rows of one model, or device, err alike, so a new one is met less often than the quantiles say: they are widened
    until enough rows lie inside a range to which their own model (device) gave nothing.
    """

    kind: str
    pools: dict[tuple[str, str], list[tuple[Row, float]]]
    own: dict[tuple[str, str], list[tuple[Row, float]]]
    wider: float

    def of(self, runtime: str, name: str) -> list[float]:
        """Factors below and above a prediction."""
        pool = self.pools[runtime, name]
        low, high = quantiles(error for _, error in pool)
        return [round(math.exp(low - self.wider), 3), round(math.exp(high + self.wider), 3)]

    def covered(self, wider: float, apart: Sequence[Row]) -> float:
        """Share of rows inside."""
        inside, total = 0, len(apart)
        for key, pairs in self.own.items():
            for group in {getattr(row, self.kind) for row, _ in pairs}:
                rest = [error for row, error in self.pools[key] if getattr(row, self.kind) != group]
                low, high = quantiles(rest)
                held = [error for row, error in pairs if getattr(row, self.kind) == group]
                inside += sum(low - wider <= error <= high + wider for error in held)
                total += len(held)
        return inside / total


def ranges(kind: str, errors_: dict[tuple[str, str], list[tuple[Row, float]]], apart: Sequence[Row]) -> Ranges:
    """The ranges of all classes, widened until they hold what they promise; rows set apart count as misses."""
    every = [pair for pairs in errors_.values() for pair in pairs]
    pools = {}
    for runtime, name in errors_:
        mine = [pair for (other, _), pairs in errors_.items() if other == runtime for pair in pairs]
        choices = (errors_[runtime, name], mine)
        pools[runtime, name] = next((pool for pool in choices if _enough(pool, kind)), every)
    made = Ranges(kind, pools, errors_, 0.0)
    while made.covered(made.wider, apart) < COVERAGE and made.wider < WIDEST:
        made = made._replace(wider=made.wider + 0.01)
    return made


def _enough(pool: Sequence[tuple[Row, float]], kind: str) -> bool:
    return len(pool) >= RANGE_ROWS and len({getattr(row, kind) for row, _ in pool}) >= RANGE_GROUPS


def spread(pairs: Sequence[tuple[Row, float]]) -> dict[str, float]:
    """Rows, and of |predicted/measured - 1| in per cent the median and the 90th percentile."""
    misses = sorted(abs(math.exp(-error) - 1) for _, error in pairs)
    if not misses:
        return {"rows": 0}
    ninth = misses[math.ceil(0.9 * len(misses)) - 1]
    return {"rows": len(misses), "median": round(100 * median(misses), 1), "p90": round(100 * ninth, 1)}
