"""The share of a card's rate that a training run will reach: a weighted median of what published ones did.

Not a law: rows that are like the question in generation of card, precision, size, kind and number of cards weigh more.
The weights below were set by hand: of four sets and six widths the best was kept, by the same rows that `ERRORS` is of,
so that what is said of rows left out is better than of rows nobody saw. tests/training/test_efficiency.py measures it
again. The range is that of the middle nine tenths of the weights, widened by `WIDER`, which was chosen so that it holds
9 in 10 with a family left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import exp, log2, log10
from typing import NamedTuple

from llmscale.training.published import Reached, reached

#: Generations of cards in their order; of others nothing was published that could be compared.
GENERATIONS = ("Ampere", "Hopper", "Blackwell")
#: With the most that each can reach of the dense 16-bit rate: each halving of bits doubles a card's rate.
PRECISIONS = ("bf16", "fp8", "fp4")
MOST = (1.0, 2.0, 4.0)
WIDER = 1.5
#: Cards of a run whose number nobody says.
USUAL_CARDS = 256


class Errors(NamedTuple):
    """Median error of a share, and how often the range held it."""

    median: float
    held: float


#: Left out together: all of a makers' family; the same model alone.
ERRORS = {"family": Errors(0.38, 0.91), "model": Errors(0.14, 0.98)}


class AskedRun(NamedTuple):
    """A training to come."""

    generation: str
    precision: str
    active: int
    moe: bool
    cards: int | None = None
    run: bool = True


class Share(NamedTuple):
    """What to expect, and the published row that is most like it."""

    value: float
    low: float
    high: float
    nearest: Reached


def expected(asked: AskedRun, generations: dict[str, str], rows: Iterable[Reached] | None = None) -> Share:
    """The share that `asked` will reach.

    Args:
        generations: of each device that a row names.
        rows: all, unless some are left out.
    """
    weighed = sorted(
        ((_weight(asked, row, generations[row.device]), row) for row in (reached() if rows is None else rows)),
        key=lambda pair: pair[1].share,
    )
    nearest = max(weighed, key=lambda pair: pair[0])[1]
    low, value, high = (_at(weighed, share) for share in (0.05, 0.5, 0.95))
    return Share(value, low / WIDER, min(MOST[PRECISIONS.index(asked.precision)], high * WIDER), nearest)


def _weight(asked: AskedRun, row: Reached, generation: str) -> float:
    away = 2.0 * abs(GENERATIONS.index(asked.generation) - GENERATIONS.index(generation))
    away += 0.7 * abs(PRECISIONS.index(asked.precision) - PRECISIONS.index(row.precision))
    away += 1.0 * abs(log10(asked.active) - log10(row.active))
    away += 2.0 * (asked.run != row.run)
    away += 1.0 * (asked.moe != row.moe)
    away += 0.05 * abs(log2(asked.cards or USUAL_CARDS) - log2(row.gpus or USUAL_CARDS))
    return exp(-2 * away)


def _at(weighed: list[tuple[float, Reached]], share: float) -> float:
    total, passed = sum(weight for weight, _ in weighed), 0.0
    for weight, row in weighed:
        passed += weight
        if passed >= share * total:
            return row.share
    return weighed[-1][1].share
