"""The share of a card's rate that a training run will reach: a weighted median of what published ones did.

Not a law. Two things lower a share wherever they are: the stops of a whole run, and experts, whose tokens travel. Their
factors are fitted to the rows' logarithms, families with many rows weighing less for each; all shares are brought to a
tuned step of a dense model by them, and the answer back from there. Of those, rows that are like the question in
generation of card, precision, size, kind and number of cards weigh more. The weights below were set by hand: of four
sets and six widths the best was kept, and the two factors of a dozen sets, by the same rows that `ERRORS` is of, so
that what is said of rows left out is better than of rows nobody saw. tests/training/test_efficiency.py measures it
again. The range is that of the middle nine tenths of the weights, widened by `WIDER`, which was chosen so that it holds
9 in 10 with a family left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from math import exp, log, log2, log10, sqrt

from llmscale.records import NamedTuple
from llmscale.training.published import Reached, reached

#: Generations of cards in their order; of others nothing was published that could be compared.
GENERATIONS = ("Ampere", "Hopper", "Blackwell")
#: With the most that each can reach of the dense 16-bit rate: each halving of bits doubles a card's rate.
PRECISIONS = ("bf16", "fp8", "fp4")
MOST = (1.0, 2.0, 4.0)
WIDER = 1.5
#: How much the two factors lean to 1: as this many rows that reached the same with and without.
LEAN = 0.3
#: Cards of a run whose number nobody says.
USUAL_CARDS = 256


class Errors(NamedTuple):
    """Median error of a share, and how often the range held it."""

    median: float
    held: float


#: Left out together: all of a makers' family; the same model alone.
ERRORS = {"family": Errors(0.24, 0.94), "model": Errors(0.14, 0.98)}


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
    known = tuple(reached() if rows is None else rows)
    lower = _factors(known)
    weighed = sorted(
        ((_weight(asked, row, generations[row.device]), row.share / lower.of(row.run, row.moe)) for row in known),
        key=lambda pair: pair[1],
    )
    nearest = max(known, key=lambda row: _weight(asked, row, generations[row.device]))
    own = lower.of(asked.run, asked.moe)
    low, value, high = (own * _at(weighed, share) for share in (0.05, 0.5, 0.95))
    most = MOST[PRECISIONS.index(asked.precision)]
    return Share(min(most, value), low / WIDER, min(most, high * WIDER), nearest)


class Factors(NamedTuple):
    """What a whole run, and experts, reach of a tuned step of a dense model."""

    run: float
    moe: float

    def of(self, run: bool, moe: bool) -> float:
        """Both together."""
        return (self.run if run else 1.0) * (self.moe if moe else 1.0)


@lru_cache(maxsize=512)
def _factors(rows: tuple[Reached, ...]) -> Factors:
    """By weighted least squares of the logarithms: a common level, and two factors that lean to 1."""
    many = Counter(row.family for row in rows)
    sums = [[0.0] * 4 for _ in range(3)]
    for row in rows:
        seen = (1.0, float(row.run), float(row.moe), log(row.share))
        for line in range(3):
            for column in range(4):
                sums[line][column] += seen[line] * seen[column] / sqrt(many[row.family])
    sums[1][1] += LEAN
    sums[2][2] += LEAN
    _, run, moe = _solved(sums)
    return Factors(exp(run), exp(moe))


def _solved(lines: list[list[float]]) -> list[float]:
    """Three equations, each with its right side last; the first has the largest sums, so no line is exchanged."""
    for pivot in range(3):
        for line in range(3):
            if line != pivot:
                times = lines[line][pivot] / lines[pivot][pivot]
                lines[line] = [one - times * other for one, other in zip(lines[line], lines[pivot], strict=True)]
    return [lines[row][3] / lines[row][row] for row in range(3)]


def _weight(asked: AskedRun, row: Reached, generation: str) -> float:
    away = 2.0 * abs(GENERATIONS.index(asked.generation) - GENERATIONS.index(generation))
    away += 0.7 * abs(PRECISIONS.index(asked.precision) - PRECISIONS.index(row.precision))
    away += 1.0 * abs(log10(asked.active) - log10(row.active))
    away += 2.0 * (asked.run != row.run)
    away += 1.0 * (asked.moe != row.moe)
    away += 0.05 * abs(log2(asked.cards or USUAL_CARDS) - log2(row.gpus or USUAL_CARDS))
    return exp(-2 * away)


def _at(weighed: list[tuple[float, float]], share: float) -> float:
    total, passed = sum(weight for weight, _ in weighed), 0.0
    for weight, reached_share in weighed:
        passed += weight
        if passed >= share * total:
            return reached_share
    return weighed[-1][1]
