"""The order of the models that fit: by what is reported of their quality, or by what the user would rather have."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from heapq import heapify, heappop, heappush
from typing import Any

from llmscale.answers.fitting import Row
from llmscale.answers.given import above_nothing
from llmscale.answers.worth import refuse_purpose, weight
from llmscale.errors import LlmscaleError, UsageError
from llmscale.formats.quality import least_loss, loss
from llmscale.records import NamedTuple

#: ``--sort``; all put the most first.
SORTS: dict[str, Callable[[Row], Any]] = {
    "size": lambda row: row.entry.model.about.parameters,
    "speed": lambda row: row.line.tokens_per_second or 0,
    "context": lambda row: row.line.max_context or 0,
    "released": lambda row: row.worth.month if row.worth else 0,
}
DEFAULT_SORT = "score"


class Wanted(NamedTuple):
    """What somebody wants of a model besides that it fits.

    Attributes:
        sort: ``score`` or one of `SORTS`.
        min_context: tokens that must fit, of one sequence.
        min_speed: tokens a second; what nobody can tell the speed of is not fast enough.
    """

    purpose: str | None = None
    licence: str | None = None
    sort: str = DEFAULT_SORT
    min_context: int | None = None
    min_speed: float | None = None

    def check(self) -> None:
        """Raises:
        UsageError: an order or a purpose that there is not, a bound that cannot be.
        """
        refuse_purpose(self.purpose)
        above_nothing("--min-context", self.min_context)
        above_nothing("--min-speed", self.min_speed)
        if self.sort != DEFAULT_SORT and self.sort not in SORTS:
            raise UsageError(
                f"--sort '{self.sort[:40]}' is not known.", f"One of: {', '.join((DEFAULT_SORT, *SORTS))}."
            )

    def takes(self, row: Row) -> bool:
        """Whether a model is so; one that does not fit, or that the runtime refuses after all, is not judged here."""
        if not row.fits or (self.min_context is None and self.min_speed is None):
            return True
        line = _line(row)
        if line is None:
            return True
        long_enough = self.min_context is None or line.max_context is None or line.max_context >= self.min_context
        return long_enough and (self.min_speed is None or (line.tokens_per_second or 0) >= self.min_speed)


def _line(row: Row) -> Any:
    try:
        return row.line
    except LlmscaleError:
        return None


def ordered(rows: Iterable[Row], wanted: Wanted, test: str, first: frozenset[str]) -> Iterator[Row]:
    """Those that fit before those that do not, of which the one that lacks least is first; none that is refused.

    No more rows are looked into than are taken: each waits at the place that it would have at the best, and is put
    where it belongs when its turn comes.

    Args:
        test: whose scores count; what has none comes after what has one, by how common it is, size and age.
        first: the models that are worth naming, which come before the others.
    """
    key = SORTS.get(wanted.sort)
    waiting = [(_at_best(row, wanted, test, first), number, row) for number, row in enumerate(rows)]
    heapify(waiting)
    placed: set[int] = set()
    rest: list[Row] = []
    while waiting:
        _, number, row = heappop(waiting)
        if number in placed:
            yield row
        elif row.fits:
            placed.add(number)
            own = _quality(row, score_of(row, test)) if key is None else (-(key(row) if _line(row) else 0),)
            heappush(waiting, ((row.entry.id not in first, *own, row.entry.id), number, row))
        else:
            rest.append(row)
    yield from sorted((row for row in rest if not row.refused), key=lambda row: (row.missing, row.entry.id))


def _at_best(row: Row, wanted: Wanted, test: str, first: frozenset[str]) -> tuple[Any, ...]:
    """The foremost place that it may have."""
    later, name = row.entry.id not in first, row.entry.id
    if wanted.sort != DEFAULT_SORT:
        return (later,)
    rated = row.worth.scores.get(test) if row.worth else None
    return later, *_quality(row, None if rated is None else rated - least_loss()), name


def _quality(row: Row, score: float | None) -> tuple[float, ...]:
    """Less is better: the score less what the quant loses, in points; without a score what `worth` says."""
    if score is not None:
        return 0, -score
    return (1, -row.worth.common, -weight(row.worth)) if row.worth else (1, 0, 0)


def score_of(row: Row, test: str) -> float | None:
    """What a test gives the model, less the loss of the quant; None where nobody reports it."""
    found = row.worth.scores.get(test) if row.worth else None
    if found is None:
        return None
    lost = loss(row.chosen.quant.id, row.entry.model.about.id)
    return found - (lost.percent if lost else 0.0)
