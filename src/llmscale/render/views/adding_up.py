"""Figures of a row that are rounded so that they add up to their total as it is printed."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor

from llmscale.units import GIB

#: What the last printed digit of a size stands for.
STEP = GIB / 100


def adding_up(parts: Sequence[int], exact: Sequence[bool]) -> list[int]:
    """Each of `parts` of a sum as the bytes that its printed figure stands for.

    What rounding leaves goes to those nearest to the next figure, of which the ones that are `exact` come last: a
    hundredth is less than a modelled figure is sure of.
    """
    steps = [part / STEP for part in parts]
    printed = [floor(one + 0.5) for one in steps]
    lacking = floor(sum(parts) / STEP + 0.5) - sum(printed)
    way = 1 if lacking > 0 else -1
    order = sorted(range(len(parts)), key=lambda at: (exact[at] or not parts[at], -way * (steps[at] - printed[at])))
    for at in order[: abs(lacking)]:
        printed[at] += way
    return [round(one * STEP) for one in printed]
