"""`data/bounds.yaml`: how far off each part of an estimate may be, from the rows it was compared with.

A bound is the error that 95 of 100 rows keep to, taken from models that the mechanism was not built with where that
is known. It is checked as it is used, on what it does not know: each source's rows, each model's where most are of one
source, against the bound of all others. Where fewer than 95 of 100 are held that way, it is widened until they are.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from math import ceil
from typing import NamedTuple

import yaml

from benchmarks.accuracy.rows import HELD, Comparison, Row, left_out_by, summary, within

#: Fewer rows have no 95 of 100.
ENOUGH = 20
#: Tried in turn.
WIDER = (1.0, 1.1, 1.25, 1.5, 2.0, 3.0, 5.0)
HEAD = "# Made by `make accuracy` from tests/truth; do not edit. Errors are shares of the measured value.\n"


class Bound(NamedTuple):
    """The error that rows keep to.

    Attributes:
        coverage: the share of rows that the bound of all other sources', or models', rows holds.
        widened: by what the error was multiplied for that.
    """

    within: float
    coverage: float
    widened: float


def bound(rows: Sequence[Row]) -> Bound | None:
    """None where there are too few rows, or of one source and one model alone."""
    if len(rows) < ENOUGH:
        return None
    errors = sorted((abs(row.error), apart) for row, apart in zip(rows, left_out_by(rows), strict=True))
    groups = {apart for _, apart in errors}
    if len(groups) < 2:
        return None
    held, widened = 0.0, WIDER[-1]
    for factor in WIDER:
        held = _held(errors, groups, factor)
        if held >= HELD:
            widened = factor
            break
    return Bound(widened * _edge([error for error, _ in errors]), held, widened)


def _held(errors: Sequence[tuple[float, str]], groups: Iterable[str], widened: float) -> float:
    held = 0
    for group in groups:
        own = [error for error, other in errors if other == group]
        held += bisect_right(own, widened * _edge([error for error, other in errors if other != group]))
    return held / len(errors)


def _edge(ranked: Sequence[float]) -> float:
    """What a further row keeps to 95 times in 100: of n rows the one that has 95 % of n + 1 up to it."""
    return ranked[min(len(ranked), ceil(HELD * (len(ranked) + 1))) - 1]


def text(found: Iterable[Comparison]) -> str:
    """The whole of `data/bounds.yaml`."""
    table: dict[str, dict[str, dict[str, object]]] = {}
    for comparison in found:
        rows = comparison.bounding()
        edge = bound(rows)
        if comparison.bounds is None or edge is None:
            continue
        group, part = comparison.bounds
        s = summary(rows)
        table.setdefault(group, {})[part] = {
            "what": comparison.what,
            "rows": s.rows,
            "exact": s.exact,
            "within": _up(edge.within),
            "worst": _up(s.worst),
            "held": round(within(rows, edge.within), 4),
            "coverage": round(edge.coverage, 4),
            "held_out": len(rows) < len(comparison.usual()),
            "source": comparison.source,
        }
    return HEAD + yaml.safe_dump(table, sort_keys=False, width=120)


def _up(share: float) -> float:
    """Rounded so that it still holds."""
    return ceil(round(share * 1e6, 3)) / 1e6
