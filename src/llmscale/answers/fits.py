"""``fits``: what to run on a device, in which quant, with how much context."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from llmscale.answers.catalogued import Entry, all_models
from llmscale.answers.cautions import beyond_limits, partly_in_ram
from llmscale.answers.fitting import Asked, Candidate, Row, Steps, ladder_of
from llmscale.answers.given import whole_number
from llmscale.answers.in_ram import LEAST_IN_RAM, ram_assumed
from llmscale.answers.placed import dealt
from llmscale.answers.question import common_devices, named_devices, named_ram, quants_of, question
from llmscale.answers.ranking import DEFAULT_SORT, Wanted, ordered
from llmscale.answers.results.fits import Choice, DeviceRef, FitsOverview, FitsResult, FittingModel
from llmscale.answers.results.later import deferred
from llmscale.answers.usual import serving
from llmscale.answers.worth import Worth, ranked_by, worths, worthwhile
from llmscale.catalogue.entry import WRITE
from llmscale.catalogue.scores import benchmarks
from llmscale.devices.sets import DeviceSet
from llmscale.errors import UnsupportedModelError, UsageError
from llmscale.fit.about import DEFAULT_CONTEXT
from llmscale.fit.choose import Choices, available, choices, foreign
from llmscale.fit.offloading import beside_ram, without_offloading
from llmscale.fit.question import DEFAULT_KV, Question
from llmscale.fit.subject import Counted, Listed, Model, model_of
from llmscale.formats.ladder import above_floor
from llmscale.formats.recipe import Quant
from llmscale.notes import Note
from llmscale.records import NamedTuple
from llmscale.runtimes.refusals import refusal
from llmscale.sources.interface import Loaded, Undisclosed
from llmscale.sources.registry import load

#: The range of consumer cards that ``fits`` shows when no device is named.
CONSUMER_GIB = (12, 16, 24)
#: Rows of a list that is not asked for whole.
MOST_ROWS = 12
#: And of each size where several stand side by side.
MOST_EACH = 4


def fits(
    device: str | None = None,
    models: Sequence[str] = (),
    *,
    context: int | None = None,
    batch: int = 1,
    kv_dtype: str = DEFAULT_KV,
    quants: Sequence[str] = (),
    runtime: str | None = None,
    options: Mapping[str, Any] | None = None,
    reserve: str | None = None,
    quant_map: str | None = None,
    sparsity: str | None = None,
    everything: bool = False,
    command: bool = False,
    catalogue: str | None = None,
    purpose: str | None = None,
    licence: str | None = None,
    sort: str = DEFAULT_SORT,
    limit: int | None = None,
    min_context: int | None = None,
    min_speed: float | None = None,
    any_quant: bool = False,
) -> FitsResult | FitsOverview:
    """What to run on a device: models worth naming, each in the best quant that fits, with the longest context at it.

    Without `models` the catalogue is asked: open models for `purpose`, the newest of a line and size, in quants above a
    floor of loss, ranked by reported quality; the first `MOST_ROWS` of those that fit, then of those that miss the
    smallest quant by less than half of what there is. Without a device: `MOST_EACH` of 12, 16 and 24 GB.

    Args:
        quants: the only ones to choose from; the usual ones of `runtime` when there are none.
        runtime: llama.cpp when None; a model that it cannot load is run from its published files instead.
        options: of the runtime, by name.
        everything: every model, the older and those that are far too large as well.
        command: whether the line that starts each model is wanted, and not that of the first alone.
        purpose: chat, code, reason, vision, embedding, rerank or speech; chat when None.
        sort: score, size, speed, context or released.
        limit: rows.
        any_quant: whether quants that lose more than the floor may be chosen as well.
    """
    if command and device is None:
        raise UsageError("--command asks about a device.", "For example fits rtx4090 --model llama-3.1-8b.")
    limit = whole_number("--limit", limit)
    if limit is not None and limit < 1:
        raise UsageError(f"--limit {limit} is not possible: at least one row is.")
    wanted = Wanted(purpose, licence, sort, min_context, min_speed)
    wanted.check()
    asked = question(context, batch, kv_dtype, runtime, named_ram([device or ""], options, runtime), catalogue)
    known = worths(catalogue)
    loaded = [load(name, catalogue=catalogue) for name in models]
    quants = quants_of(quants, loaded[0] if len(loaded) == 1 else None, runtime)
    every = choices(quants, runtime, quant_map, sparsity)
    common = every if quants or any_quant else choices((), runtime, common=True)
    named = [_named(name, one) for name, one in zip(models, loaded, strict=True)]
    entries = named or list(all_models(catalogue))
    given = named_devices([device], reserve, options) if device is not None else common_devices(CONSUMER_GIB, reserve)
    sets = dealt(given, every, asked)
    choose = _Choosing(every, common, not (quants or any_quant), any(serving(sets)), known)
    _refuse_unmodelled(sets, every if models else common, asked)
    first = frozenset() if models else frozenset(_first(entries, worthwhile(known, purpose, licence), wanted))
    asking = entries if models or everything else [entry for entry in entries if entry.reference in first]
    have = choose.candidates(asking, asked, bool(models))
    most = limit or (None if everything or models else MOST_ROWS if device is not None else MOST_EACH)
    listing = _Listing(wanted, most, first, len(entries) - len(asking), command)
    alone = asked if models and not beside_ram(asked) else without_offloading(asked)
    offloading = asked if alone != asked else None
    results = tuple(
        _fits(Asked(devices, alone, offloading, everything, bool(models), catalogue), have, listing) for devices in sets
    )
    return results[0] if device is not None else FitsOverview(results[0].context, results)


def _first(entries: Iterable[Entry], worth: set[str], wanted: Wanted) -> Iterator[str]:
    """Of the models that are worth naming those that do what is wanted, and the user's own."""
    writes = wanted.purpose is None or wanted.purpose in WRITE
    for entry in entries:
        if entry.own or (entry.reference in worth and (not writes or _decodes(entry.model))):
            yield entry.reference


def _decodes(model: Model) -> bool:
    return isinstance(model, Listed) and model.widths.decodes


def _named(name: str, loaded: Loaded | Undisclosed) -> Entry:
    return Entry(name, model_of(loaded.known(), loaded.stored, loaded.notes))


def _refuse_unmodelled(sets: Sequence[DeviceSet], choose: Choices, asked: Question) -> None:
    """Raises:
    UsageError: devices on which no runtime is modelled that reads what is asked for first.
    """
    for devices in sets:
        told = _foreign(choose.ladders[0], asked, devices)
        if told:
            raise refusal(told[min(told)])


def _foreign(quants: Sequence[Quant], asked: Question, devices: DeviceSet) -> dict[str, Note]:
    """Why each runtime reads none of `quants` on `devices`; empty where any is read."""
    told: dict[str, Note] = {}
    for quant in quants:
        why = foreign(quant, asked, devices)
        if why is None:
            return {}
        told.setdefault(asked.runs(quant).info.name, why)
    return told


class _Choosing(NamedTuple):
    """Which quants of a model are asked about.

    Attributes:
        every: all that may be chosen, `common` those that people step down.
        bounded: whether what loses too much is left out, for models that nobody named.
        served: whether a server is at home on the devices, which reads published files as they are.
    """

    every: Choices
    common: Choices
    bounded: bool
    served: bool
    worths: Mapping[str, Worth]

    def candidates(self, entries: Iterable[Entry], asked: Question, named: bool) -> list[Candidate]:
        """Each with its quants.

        Raises:
            UnsupportedModelError: one that was named cannot be had in any.
        """
        steps = partial(self._named if named else self._bounded, asked=asked)
        have = [Candidate(entry, self.worths.get(entry.id), steps) for entry in entries]
        for one in have if named else ():
            one.steps  # noqa: B018  what is named is refused at once
        return have

    def _named(self, entry: Entry, asked: Question) -> Steps:
        """Raises:
        UnsupportedModelError: a model that cannot be had in any.
        """
        steps = available(entry.model, self.common, asked, self.served)
        least = min(quant.bits for quant in steps)
        return Steps(steps, [quant for quant in available(entry.model, self.every, asked) if quant.bits < least])

    def _bounded(self, entry: Entry, asked: Question) -> Steps:
        """Raises:
        UnsupportedModelError: a model that cannot be had in any, or only in what loses too much.
        """
        steps = available(entry.model, self.common, asked)
        if self.bounded:
            steps = [quant for quant in steps if above_floor(quant, entry.id)]
        if not steps:
            raise UnsupportedModelError(f"{entry.id} cannot be had in any quant that keeps its quality.")
        return Steps(steps, ())


def _fits(asked: Asked, have: Sequence[Candidate], listing: _Listing) -> FitsResult:
    rows = _rows(asked, have)
    for row in rows if asked.named else ():
        row.line  # noqa: B018  what is named is refused at once
    test = listing.test(rows)
    shown = listing.shown(rows, asked, test)
    lines = tuple(listing.line(row, at, asked, test) for at, row in enumerate(shown))
    devices = asked.devices
    shares = {line.usable_bytes for line in lines}
    usable = shares.pop() if len(shares) == 1 else devices.total_usable
    alone = have[0] if len(have) == 1 and asked.named else None
    taken = [it for one in have for it in one.entry.model.about.said(asked.question.predicts)] if asked.named else []
    limits = {row.entry.model.about.id: row.entry.model.about.limit for row in shown}
    among = not alone and any(line.layers_in_ram for line in lines)
    told = partly_in_ram([ram_assumed(row.chosen, devices) for row in shown], listing.least if among else None)
    return FitsResult(
        device=DeviceRef(devices.id, devices.name, devices.count, devices.memory, usable, devices.memory - usable),
        context=asked.question.context or DEFAULT_CONTEXT,
        models=lines,
        hidden=len(rows) - len(lines),
        choices=_steps_of(alone, lines[0].quant, asked) if alone and lines else (),
        not_available=deferred(lambda: tuple(row.entry.id for row in rows if row.refused)),
        notes=(*devices.notes, *taken, *beyond_limits(lines, limits), *told),
        passed_over=listing.passed_over,
        score_name=benchmarks()[test].name if test else "",
    )


def _rows(asked: Asked, have: Iterable[Candidate]) -> list[Row]:
    """Of the user's own models, of which many may have one config, those alike are placed once."""
    rows = []
    alike: dict[int, Row] = {}
    for one in have:
        shared = id(one.entry.model.spec) if one.entry.own and isinstance(one.entry.model, Counted) else 0
        rows.append(Row(one, asked, alike.get(shared)))
        if shared:
            alike.setdefault(shared, rows[-1])
    return rows


class _Listing(NamedTuple):
    """Which of the rows are shown, and in which order.

    Attributes:
        most: rows; None for all.
        first: those worth naming.
        passed_over: how many models were not even asked about.
        commands: whether all lines get theirs, and not the first alone.
    """

    wanted: Wanted
    most: int | None
    first: frozenset[str]
    passed_over: int
    commands: bool

    @property
    def least(self) -> float:
        """Tokens a second of what lies in RAM in part."""
        return min(LEAST_IN_RAM, self.wanted.min_speed or LEAST_IN_RAM)

    def test(self, rows: Sequence[Row]) -> str:
        """Whose scores rank these rows: the newest that rates any that is worth naming and fits."""
        rated = [(row.worth.scores, row) for row in rows if row.worth and row.entry.id in self.first]
        return ranked_by(lambda test: any(test in scores and row.fits for scores, row in rated), self.wanted.purpose)

    def shown(self, rows: Sequence[Row], asked: Asked, test: str) -> list[Row]:
        """The rows that are."""
        everything = asked.everything or asked.named
        near = asked.devices.total_usable // 2
        found: list[Row] = []
        for row in ordered(rows, self.wanted, test, self.first):
            kept = everything or ((row.fits or row.lacks <= near) and not row.crawls(self.least))
            if kept and row.shows and self.wanted.takes(row):
                found.append(row)
            if len(found) == self.most:
                break
        return found

    def line(self, row: Row, at: int, asked: Asked, test: str) -> FittingModel:
        """What is shown of one, with what to type for the first or all of them."""
        score = row.worth.scores.get(test) if row.worth else None
        typed = (row.fits and (self.commands or (at == 0 and not asked.named))) or (self.commands and asked.named)
        return replace(
            row.line,
            command_line=row.command() if typed else None,
            score=score,
            score_date="" if score is None else benchmarks()[test].read,
        )


def _steps_of(candidate: Candidate, advised: str, asked: Asked) -> tuple[Choice, ...]:
    """The ladder of one model, with the quant below it that was taken where none of the usual ones fits."""
    steps = candidate.steps
    below = [quant for quant in steps.below if quant.id == advised]
    return tuple(ladder_of(candidate.entry, [*steps.advised, *below], advised, asked))
