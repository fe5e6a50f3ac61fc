"""One comparison of ours with a measurement, and what many of them come to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil
from statistics import median
from typing import NamedTuple

#: Share of rows that a bound is to hold.
HELD = 0.95


class Row(NamedTuple):
    """One figure: what llmscale says and what was measured, in the same unit."""

    #: Starts with the model, which is what rows are left out by.
    name: str
    ours: float
    truth: float
    #: Why they may differ, where that is known beforehand; such rows are counted apart.
    unusual: str = ""
    #: Half of the last digit that the measurement was printed with; within it, ours is exact.
    rounding: float = 0
    #: Whether the mechanism was built with this row in sight.
    seen: bool = False
    #: Whose measurement it is, where that was written down.
    source: str = ""

    @property
    def error(self) -> float:
        """Relative, with its sign."""
        if abs(self.ours - self.truth) <= self.rounding:
            return 0
        return self.ours / self.truth - 1 if self.truth else 1

    @property
    def model(self) -> str:
        """What the row is of."""
        return self.name.split()[0]


def left_out_by(rows: Sequence[Row]) -> list[str]:
    """What each row is left out together with: its source; its model where some have none, or most are of one source,
    so that a few would judge the many."""
    sources = [row.source for row in rows]
    most = max(map(sources.count, set(sources)), default=0)
    return sources if all(sources) and 2 * most <= len(rows) else [row.model for row in rows]


class Comparison(NamedTuple):
    """All rows of one quantity."""

    what: str
    source: str
    rows: Sequence[Row]
    #: The runtime or format and the part of an estimate that these rows bound; empty where no part is this quantity.
    bounds: tuple[str, str] | None = None
    #: Whether what the rows of others showed was mended too: then none of them is held out any more.
    mended: bool = False

    def usual(self) -> list[Row]:
        """Rows that nothing excuses."""
        return [row for row in self.rows if not row.unusual]

    def unseen(self) -> list[Row]:
        """Those that nobody had in sight when the mechanism was built; all, where that was not written down."""
        rows = self.usual()
        return [row for row in rows if not row.seen] or rows

    def bounding(self) -> list[Row]:
        """The rows that a bound is taken from."""
        return self.usual() if self.mended else self.unseen()


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
        p90=quantile(errors, 0.90),
        p95=quantile(errors, HELD),
        worst=errors[-1],
        which=ranked[-1].name,
    )


def quantile(ranked: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of them do not exceed."""
    return ranked[max(0, ceil(share * len(ranked)) - 1)]


def within(rows: Sequence[Row], bound: float) -> float:
    """The share of `rows` that are off by `bound` at most."""
    return sum(abs(row.error) <= bound for row in rows) / len(rows)
