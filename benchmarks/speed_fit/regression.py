"""Least absolute deviation with lower bounds, in plain Python, and what the two regressions share."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median

from speed_fit.rows import Row

#: A format with fewer rows in its class shares the factor of the commonest one there.
FORMAT_ROWS = 8
#: A factor that matters in fewer rows of a class is that of the runtime's pooled fit.
FACTOR_ROWS = 6
#: Errors below this weigh alike in the fit.
FLOOR = 0.02
#: A class of so many devices is not to be that of its most measured one: the rows of a device err alike.
MANY_DEVICES = 5
#: Rows at which a device's own correction counts half.
SHRINK = 2


def shared_formats(sample: Sequence[Row]) -> dict[str, str]:
    """Formats, commonest first, each to the one whose factor it takes: its own, the commonest's where rows are few."""
    counts = Counter(row.format for row in sample).most_common()
    return {name: name if n >= FORMAT_ROWS else counts[0][0] for name, n in counts}


def evened(sample: Sequence[Row]) -> list[float]:
    """Weights of rows: those of one of many devices count together as the square root of their number."""
    rows_of = Counter(row.device for row in sample)
    return [rows_of[row.device] ** -0.5 if len(rows_of) >= MANY_DEVICES else 1.0 for row in sample]


def lad(
    table: list[list[float]], fixed: list[float], times: list[float], bounds: list[float], counts: list[float]
) -> list[float]:
    """Minimise sum counts x |log(prediction/time)|: reweighted least squares with lower bounds, one by one."""
    size = len(bounds)
    scaled = [[x / time for x in row] for row, time in zip(table, times, strict=True)]
    aims = [1 - known / time for known, time in zip(fixed, times, strict=True)]
    theta, weights = list(bounds), list(counts)
    for _ in range(60):
        gram = [
            [sum(w * r[i] * r[j] for w, r in zip(weights, scaled, strict=True)) for j in range(size)]
            for i in range(size)
        ]
        side = [sum(w * r[i] * aim for w, r, aim in zip(weights, scaled, aims, strict=True)) for i in range(size)]
        before = list(theta)
        for _ in range(200):
            for i in range(size):
                if gram[i][i]:
                    rest = sum(gram[i][j] * theta[j] for j in range(size) if j != i)
                    theta[i] = max((side[i] - rest) / gram[i][i], bounds[i])
        for k, (row, aim) in enumerate(zip(scaled, aims, strict=True)):
            ratio = max(1 - aim + sum(x * f for x, f in zip(row, theta, strict=True)), 1e-6)
            weights[k] = counts[k] * max(abs(math.log(ratio)), FLOOR) / max((ratio - 1) ** 2, FLOOR**2)
        if all(abs(now - then) <= 1e-4 * max(now, 1e-3) for now, then in zip(theta, before, strict=True)):
            break
    return theta


def corrections(of: Iterable[tuple[str, float]]) -> dict[str, tuple[float, int]]:
    """By device, the median of measured time / the class' time, shrunk towards 1; and how many rows say so."""
    logs: dict[str, list[float]] = {}
    for device, error in of:
        logs.setdefault(device, []).append(-error)
    return {name: (math.exp(median(own) * len(own) / (len(own) + SHRINK)), len(own)) for name, own in logs.items()}
