"""Axes: how far they go and which values are written on them. All drawers use the same ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import ceil, floor, log10

from llmscale.records import NamedTuple


class Tick(NamedTuple):
    """A value that is written on an axis; `other` is the same in another unit, for the far side."""

    at: float
    label: str
    other: str = ""


class Axis(NamedTuple):
    """One axis: its title with the unit, its ends, and its ticks; `log` where equal steps are equal ratios."""

    title: str
    low: float
    high: float
    ticks: tuple[Tick, ...]
    log: bool = False

    def share(self, value: float) -> float:
        """How far along the axis a value lies, 0 to 1."""
        if self.log:
            return (log10(value) - log10(self.low)) / (log10(self.high) - log10(self.low))
        return (value - self.low) / (self.high - self.low)


def linear(
    title: str, values: Iterable[float], label: Callable[[float], str], low: float | None = 0, most_ticks: int = 6
) -> Axis:
    """From `low`, or a round value below the least, to a round one above the most."""
    known = list(values)
    least, most = (min(known) if low is None else low), max(known, default=1.0)
    step = _round_step((most - least) / most_ticks or 1.0)
    first, last = floor(least / step), max(ceil(most / step), floor(least / step) + 1)
    ticks = [Tick(number * step, label(number * step)) for number in range(first, last + 1)]
    return Axis(title, ticks[0].at, ticks[-1].at, tuple(ticks))


def decades(
    title: str, values: Iterable[float], label: Callable[[float], str], other: Callable[[float], str] | None = None
) -> Axis:
    """Powers of ten, from the one below the least to the one above the most; few ones have 2 and 5 besides."""
    known = list(values) or [1.0]
    first, last = floor(log10(min(known))), max(ceil(log10(max(known))), floor(log10(min(known))) + 1)
    steps = (1, 2, 5) if last - first <= 2 else (1,)
    at = [step * 10.0**power for power in range(first, last + 1) for step in steps if power < last or step == 1]
    return Axis(title, at[0], at[-1], tuple(Tick(each, label(each), other(each) if other else "") for each in at), True)


def doublings(title: str, values: Iterable[float], label: Callable[[float], str]) -> Axis:
    """A tick at each of the values, which are powers of two or near them."""
    at = sorted(set(values))
    low, high = (at[0], at[-1]) if len(at) > 1 else (at[0] / 2, at[0] * 2)
    return Axis(title, low, high, tuple(Tick(each, label(each)) for each in at), True)


def _round_step(step: float) -> float:
    """The next of 1, 2, 2.5, 5 times a power of ten."""
    power = 10.0 ** floor(log10(step))
    return next((round_one * power for round_one in (1, 2, 2.5, 5) if step <= round_one * power * 1.0001), 10 * power)
