"""``fits``: which models a device takes, in which quant, with how much context."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import Any

from llmscale.answers.catalogued import Entry, all_models
from llmscale.answers.named import called
from llmscale.answers.placed import command as command_of
from llmscale.answers.placed import laid
from llmscale.answers.question import common_devices, named_devices, named_ram, quants_of, question
from llmscale.answers.results.common import LossRef
from llmscale.answers.results.fits import Choice, DeviceRef, FitsOverview, FitsResult, FittingModel
from llmscale.devices.sets import DeviceSet
from llmscale.errors import LlmscaleError, UnsupportedModelError, UsageError
from llmscale.fit.choose import Choices, Chosen, answer, available, best, choices, foreign
from llmscale.fit.largest import longest_context
from llmscale.fit.pace import moved, pace
from llmscale.fit.question import DEFAULT_KV, Question
from llmscale.fit.subject import DEFAULT_CONTEXT, model_of
from llmscale.formats.recipe import Quant
from llmscale.notes import Note, note
from llmscale.runtimes.interface import KINDS, Verdict
from llmscale.runtimes.refusals import refusal
from llmscale.sources.interface import Loaded, Undisclosed
from llmscale.sources.registry import load

#: The range of consumer cards that ``fits`` shows when no device is named.
CONSUMER_GIB = (12, 16, 24)
#: Of one model: how many quants below the best that fits are shown too.
STEPS_BELOW = 4
#: Rows of a list that is not asked for whole.
MOST_ROWS = 12


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
) -> FitsResult | FitsOverview:
    """Which models fit a device, each in the quant with the least loss that does, with the largest context at it.

    Without `models` the whole catalogue is asked: the first `MOST_ROWS` of those that fit, then of those that miss the
    smallest quant by less than half of what there is; all with `everything`. Without a device: the 12 to 24 GB consumer
    range.

    Args:
        quants: the only ones to choose from; all of `runtime` when there are none.
        runtime: llama.cpp when None; a model that it cannot load is run from its published files instead.
        options: of the runtime, by name.
        command: whether the line that starts each of `models` is wanted as well.
    """
    if command and not (models and device is not None):
        raise UsageError("--command asks about a device and a model.", "For example fits rtx4090 --model llama-3.1-8b.")
    asked = question(context, batch, kv_dtype, runtime, named_ram([device or ""], options), catalogue)
    loaded = [load(name, catalogue=catalogue) for name in models]
    wanted = quants_of(quants, loaded[0] if len(loaded) == 1 else None, runtime)
    choose = choices(wanted, runtime, quant_map, sparsity)
    named = [_named(name, one, catalogue) for name, one in zip(models, loaded, strict=True)]
    entries = named or list(all_models(catalogue))
    sets = named_devices([device], reserve) if device is not None else common_devices(CONSUMER_GIB, reserve)
    _refuse_unmodelled(sets, choose, asked)
    have, unable = _had(entries, choose, asked, bool(models))
    several = [_Asked(devices, asked, everything, bool(models), command, catalogue) for devices in sets]
    results = tuple(_fits(one, have, unable) for one in several)
    return results[0] if device is not None else FitsOverview(results[0].context, results)


class _Asked:
    """One question about many models on some devices."""

    def __init__(
        self,
        devices: DeviceSet,
        question: Question,
        everything: bool,
        named: bool,
        command: bool,
        catalogue: str | None,
    ) -> None:
        self.devices = devices
        self.question = question
        self.everything = everything or named
        self.named = named
        self.command = command
        self.catalogue = catalogue


class _Row:
    """One model on the devices; what is only shown is worked out when it is."""

    def __init__(self, entry: Entry, steps: Sequence[Quant], asked: _Asked) -> None:
        self.entry, self.asked = entry, asked
        self.chosen = best(entry.model, steps, asked.devices, asked.question, None if asked.named else entry.counted)

    @property
    def fits(self) -> bool:
        return self.chosen.placed.fits is Verdict.YES

    @property
    def missing(self) -> int:
        return self.chosen.placed.missing

    @cached_property
    def precise(self) -> Chosen:
        """As the runtime itself places it, whatever was compiled of the model."""
        if self.chosen.precise:
            return self.chosen
        return answer(self.entry.counted(), self.chosen.quant, self.asked.devices, self.asked.question)

    def line(self) -> FittingModel:
        """What is shown of it."""
        chosen, about, devices = self.precise, self.entry.model.about, self.asked.devices
        placed, work = chosen.placed, chosen.settled.work
        fits = placed.fits is Verdict.YES
        speed = pace(
            chosen.runtime,
            moved(chosen.subject, self.entry.profile),
            chosen.quant.id,
            work,
            placed,
            devices,
        )
        told = speed.decode if speed and fits else None
        return FittingModel(
            id=about.id,
            parameters=about.parameters,
            basis=about.basis.value,
            quant=chosen.quant.id,
            runtime=chosen.runtime.info.name,
            release=chosen.runtime.release,
            total_bytes=placed.total,
            usable_bytes=placed.usable,
            used_bytes=placed.used,
            free_bytes=placed.free,
            host_bytes=placed.host.used,
            fits=fits,
            max_context=longest(chosen, devices, about.sequence, about.limit) if fits else None,
            missing_bytes=placed.missing,
            tokens_per_second=told.value if told else None,
            tokens_per_second_range=(told.low, told.high) if told else None,
            context=work.context,
            weights_bytes=self.entry.model.weights(chosen.quant).value,
            loss=LossRef.of(chosen.quant.id, about.id),
            command_line=self._command() if self.asked.command else None,
        )

    def _command(self) -> str | None:
        """What to type for the quant that is shown."""
        chosen = self.precise
        one = laid(chosen.runtime, chosen.subject, chosen.asked, chosen.settled, self.asked.devices)
        about = self.entry.model.about
        return command_of(one, partial(called, about, self.entry.reference, self.asked.catalogue))


def longest(chosen: Chosen, devices: DeviceSet, sequence: int | None, limit: int | None) -> int | None:
    """The longest context that surely fits; None for none, and for models that always see the same number of tokens."""
    return None if sequence else longest_context(chosen.runtime, chosen.subject, chosen.asked, devices, limit)


def _named(name: str, loaded: Loaded | Undisclosed, catalogue: str | None) -> Entry:
    return Entry(model_of(loaded.known(), loaded.stored, loaded.notes), name, None, catalogue)


def _refuse_unmodelled(sets: Sequence[DeviceSet], choose: Choices, asked: Question) -> None:
    """Raises:
    UsageError: devices on which no runtime is modelled that reads what is asked for first.
    """
    runtimes = {asked.runs(quant).info.name: quant for quant in choose.ladders[0]}
    for devices in sets:
        told = [foreign(quant, asked, devices) for _, quant in sorted(runtimes.items())]
        if told and told[0] and all(told):
            raise refusal(told[0])


#: Models with the quants that each can be had in.
Had = list[tuple[Entry, list[Quant]]]


def _had(entries: Iterable[Entry], choose: Choices, asked: Question, named: bool) -> tuple[Had, list[str]]:
    """Those that can be had in any quant asked for, and the ids of those that cannot."""
    have: Had = []
    unable = []
    for entry in entries:
        try:
            have.append((entry, available(entry.model, choose, asked)))
        except UnsupportedModelError:
            if named:
                raise
            unable.append(entry.model.about.id)
    return have, unable


def _fits(asked: _Asked, have: Had, unable: Sequence[str]) -> FitsResult:
    rows, lines, refused = [], [], list(unable)
    for entry, steps in have:
        try:
            rows.append(_Row(entry, steps, asked))
        except LlmscaleError:
            if asked.named:
                raise
            refused.append(entry.model.about.id)
    for row in _wanted(rows, asked):
        try:
            lines.append(row.line())
        except LlmscaleError:  # refused only by the runtime itself, where what was compiled does not tell
            if asked.named:
                raise
            refused.append(row.entry.model.about.id)
        if len(lines) == MOST_ROWS and not asked.everything:
            break
    devices = asked.devices
    usable = lines[0].usable_bytes if asked.named and len(lines) == 1 else devices.total_usable
    device = DeviceRef(devices.id, devices.name, devices.count, devices.memory, usable, devices.memory - usable)
    ladder = tuple(_ladder(*have[0], asked)) if len(have) == 1 and asked.named else ()
    context = asked.question.context or DEFAULT_CONTEXT
    taken = [told for entry, _ in have for told in entry.model.about.notes] if asked.named else []
    notes = (*asked.devices.notes, *taken, *_beyond(lines, rows))
    return FitsResult(device, context, tuple(lines), len(rows) - len(lines), ladder, tuple(refused), notes)


def _beyond(lines: Sequence[FittingModel], rows: Sequence[_Row]) -> Iterator[Note]:
    """That some were not made for so long a context."""
    limits = {row.entry.model.about.id: row.entry.model.about.limit for row in rows}
    short = [line for line in lines if (limits[line.id] or line.context) < line.context]
    if len(lines) == 1 and short:
        yield note("context_beyond_limit", context=short[0].context, limit=limits[short[0].id])
    elif short:
        yield note("context_beyond_limits", context=short[0].context, models=[line.id for line in short])


def _wanted(rows: Sequence[_Row], asked: _Asked) -> list[_Row]:
    """Those that fit, the largest first, then those that just miss; of all the others as well where all are wanted."""
    near = asked.devices.total_usable // 2
    return sorted((row for row in rows if asked.everything or row.fits or row.missing <= near), key=_order)


def _order(row: _Row) -> tuple[bool, int, str]:
    about = row.entry.model.about
    return not row.fits, -about.parameters if row.fits else row.missing, about.id


def _ladder(entry: Entry, steps: Sequence[Quant], asked: _Asked) -> Iterator[Choice]:
    """One model step by step: the last quant that does not fit, the best that does, and some below it."""
    found = []
    for quant in steps:
        try:
            found.append(answer(entry.model, quant, asked.devices, asked.question))
        except (UsageError, UnsupportedModelError):  # refused on these devices; `best` says so where all of them are
            continue
    first = next((at for at, one in enumerate(found) if one.placed.fits is Verdict.YES), len(found))
    about = entry.model.about
    for one in found[max(0, first - 1) : first + 1 + STEPS_BELOW]:
        placed, weights = one.placed, entry.model.weights(one.quant).value
        yield Choice(
            quant=one.quant.id,
            bits_per_weight=8 * weights / about.parameters,
            weights_bytes=weights,
            total_bytes=placed.total,
            used_bytes=placed.used,
            free_bytes=placed.free,
            host_bytes=placed.host.used,
            parts={kind: size for kind in KINDS if (size := placed.of(kind, host=False).value)},
            fits=placed.fits is Verdict.YES,
            missing_bytes=placed.missing,
            max_context=longest(one, asked.devices, about.sequence, about.limit),
            loss=LossRef.of(one.quant.id, about.id),
        )
