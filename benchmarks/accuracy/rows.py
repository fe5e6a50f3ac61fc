"""One comparison of ours with a measurement, and what many of them come to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil
from statistics import median
from typing import NamedTuple


class Row(NamedTuple):
    """One figure: what llmscale says and what was measured, in the same unit."""

    name: str
    ours: float
    truth: float
    #: Why they may differ, where that is known beforehand; such rows are counted apart.
    unusual: str = ""

    @property
    def error(self) -> float:
        """Relative, with its sign."""
        return self.ours / self.truth - 1 if self.truth else float(self.ours != 0)


class Comparison(NamedTuple):
    """All rows of one quantity."""

    what: str
    source: str
    rows: Sequence[Row]

    def usual(self) -> list[Row]:
        """Rows that nothing excuses."""
        return [row for row in self.rows if not row.unusual]


class Summary(NamedTuple):
    """Errors as shares of the measured value."""

    rows: int
    exact: int
    median: float
    p90: float
    p95: float
    worst: float
    which: str


def summary(rows: Iterable[Row]) -> Summary:
    """How far off `rows` are; at least one is needed."""
    ranked = sorted(rows, key=lambda row: abs(row.error))
    errors = [abs(row.error) for row in ranked]
    return Summary(
        rows=len(errors),
        exact=sum(error == 0 for error in errors),
        median=median(errors),
        p90=_quantile(errors, 0.90),
        p95=_quantile(errors, 0.95),
        worst=errors[-1],
        which=ranked[-1].name,
    )


def _quantile(ranked: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of them do not exceed."""
    return ranked[max(0, ceil(share * len(ranked)) - 1)]
