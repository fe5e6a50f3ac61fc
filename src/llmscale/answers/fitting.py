"""One model on the devices of ``fits``: in the quant that is best for it there, and step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property, partial

from llmscale.answers.catalogued import Entry
from llmscale.answers.in_ram import crawls, in_ram, lighter
from llmscale.answers.named import called
from llmscale.answers.placed import command as command_of
from llmscale.answers.placed import laid, pace_of
from llmscale.answers.results.common import LossRef
from llmscale.answers.results.fits import Choice, FittingModel
from llmscale.answers.worth import Worth
from llmscale.devices.sets import DeviceSet
from llmscale.errors import LlmscaleError, UnsupportedModelError, UsageError
from llmscale.fit.choose import Chosen, answer, best, too_large
from llmscale.fit.largest import longest_context
from llmscale.fit.pace import Pace, moved, pace
from llmscale.fit.question import Question
from llmscale.formats.recipe import Quant
from llmscale.records import NamedTuple
from llmscale.runtimes.placed import KINDS, Verdict


class Asked(NamedTuple):
    """One question about many models on some devices.

    Attributes:
        everything: whether all are wanted, those that are far too large and those that are passed over as well.
        named: whether the models were named.
        offloading: the question with what the user said of RAM, for what does not fit without; None where nothing was.
    """

    devices: DeviceSet
    question: Question
    offloading: Question | None
    everything: bool
    named: bool
    catalogue: str | None


class Steps(NamedTuple):
    """The quants that a model may be advised in, the better first.

    Attributes:
        below: quants that lose more, for a model that was named and fits in none of `advised`.
    """

    advised: Sequence[Quant]
    below: Sequence[Quant]


class Candidate:
    """A model that is asked about."""

    def __init__(self, entry: Entry, worth: Worth | None, choose: Callable[[Entry], Steps]) -> None:
        """`worth` is what the catalogue says of it; None for what is not of the catalogue."""
        self.entry, self.worth, self._choose = entry, worth, choose

    @cached_property
    def steps(self) -> Steps:
        """See there.

        Raises:
            UnsupportedModelError: it cannot be had in any quant that was to choose from.
        """
        return self._choose(self.entry)


class Row:
    """One model on the devices; what nobody looks at is not worked out."""

    def __init__(self, candidate: Candidate, asked: Asked, like: Row | None = None) -> None:
        """`like` is the row of another model with the same tensors and the same steps."""
        self.candidate, self.asked, self._like = candidate, asked, like
        self.entry, self.worth = candidate.entry, candidate.worth

    @cached_property
    def _found(self) -> tuple[Question, Chosen]:
        """The quant that was chosen, and the question by which.

        Raises:
            LlmscaleError: what the runtimes refuse.
        """
        if self._like:
            return self._like._found
        asked, steps = self.asked, self.candidate.steps
        question, chosen = asked.question, self._best(steps.advised, asked.question)
        light = lighter(steps.advised) or (steps.advised if asked.named else ())
        if asked.offloading and light and not chosen.fits:
            question, chosen = asked.offloading, self._best(light, asked.offloading)
        if steps.below and not chosen.fits:
            with suppress(LlmscaleError):  # the devices run none of those
                chosen = self._best(steps.below, question)
        return question, chosen

    def _best(self, steps: Sequence[Quant], question: Question) -> Chosen:
        """By what was compiled, until that says that a quant fits; then as the runtime itself places it, whose word on
        options and towers that nothing was compiled of goes before."""
        devices, counted = self.asked.devices, self.entry.counted
        if self.asked.named:
            return best(self.entry.model, steps, devices, question)
        found = best(self.entry.model, steps, devices, question, counted)
        if found.precise or not found.fits:
            return found
        exact = answer(counted(), found.quant, devices, question)
        return exact if exact.fits else best(counted(), steps, devices, question)

    @property
    def chosen(self) -> Chosen:
        """In which quant, and where it lies.

        Raises:
            LlmscaleError: what the runtimes refuse.
        """
        return self._found[1]

    @property
    def question(self) -> Question:
        """By which it was chosen.

        Raises:
            LlmscaleError: what the runtimes refuse.
        """
        return self._found[0]

    @property
    def refused(self) -> bool:
        """Whether the runtimes do; by what was compiled, where nobody looked at what is shown of it."""
        try:
            return self.chosen is None or not vars(self).get("shows", True)
        except LlmscaleError:
            return True

    @cached_property
    def shows(self) -> bool:
        """Whether the runtime itself takes it, which what was compiled does not tell."""
        try:
            return self.line is not None
        except LlmscaleError:
            return False

    def crawls(self, least: float) -> bool:
        """Whether it lies in RAM in part and is too slow for it to be named among others."""
        if not in_ram(self.chosen.placed.layers):
            return False
        found = speed_of(self.chosen, self.entry, self.asked.devices)
        return crawls(found, self.worth is not None and self.worth.sparse, least)

    @cached_property
    def fits(self) -> bool:
        """Whether it does in the quant that was chosen at the last; what is refused does not."""
        asked = self.asked
        try:
            steps = self.candidate.steps
            alone = not (self._like or steps.below or asked.offloading)
            if alone and too_large(self.entry.model, steps.advised, asked.devices, asked.question):
                return False
            return self.chosen.fits
        except LlmscaleError:
            return False

    @property
    def lacks(self) -> int:
        """Bytes that it lacks by what was compiled, which is what all models can be asked about."""
        return self.chosen.placed.missing

    @cached_property
    def missing(self) -> int:
        """Bytes that it lacks, as shown."""
        try:
            return self.precise.placed.missing
        except (UsageError, UnsupportedModelError):  # refused on these devices, which `line` says
            return self.lacks

    @cached_property
    def precise(self) -> Chosen:
        """As the runtime itself places it, whatever was compiled of the model."""
        if self.chosen.precise:
            return self.chosen
        return answer(self.entry.counted(), self.chosen.quant, self.asked.devices, self.question)

    @cached_property
    def line(self) -> FittingModel:
        """What is shown of it.

        Raises:
            LlmscaleError: what the runtime refuses, where what was compiled does not tell.
        """
        chosen, about, devices = self.precise, self.entry.model.about, self.asked.devices
        placed, fits = chosen.placed, chosen.fits
        speed = speed_of(chosen, self.entry, devices) if fits else None
        told = speed.decode if speed else None
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
            max_context=longest(chosen, devices, about.sequence, about.limit) if fits or self.asked.named else None,
            missing_bytes=placed.missing,
            tokens_per_second=told.value if told else None,
            tokens_per_second_range=(told.low, told.high) if told else None,
            context=chosen.settled.work.context,
            weights_bytes=self.entry.model.weights(chosen.quant).value,
            loss=LossRef.of(chosen.quant.id, about.id),
            command_line=None,
            released=self.worth.released if self.worth else "",
            layers_in_ram=None if devices.host else in_ram(placed.layers),
        )

    def command(self) -> str | None:
        """What to type for the quant that is shown."""
        chosen = self.precise
        if chosen.placed.layers is None and not self.asked.named:  # which layers are where is part of some commands
            chosen = answer(self.entry.counted(), chosen.quant, self.asked.devices, self.question)
        one = laid(chosen.runtime, chosen.subject, chosen.asked, chosen.settled, self.asked.devices)
        return command_of(one, partial(called, self.entry.model.about, self.entry.reference, self.asked.catalogue))


def longest(chosen: Chosen, devices: DeviceSet, sequence: int | None, limit: int | None) -> int | None:
    """The longest context that surely fits; None for none, and for models that always see the same number of tokens."""
    return None if sequence else longest_context(chosen.runtime, chosen.subject, chosen.asked, devices, limit)


def speed_of(chosen: Chosen, entry: Entry, devices: DeviceSet) -> Pace | None:
    """How fast it runs; None where nobody measured devices like these."""
    work, placed = chosen.settled.work, chosen.placed
    return pace(chosen.runtime, moved(chosen.subject, entry.profile), chosen.quant.id, work, placed, devices)


def ladder_of(entry: Entry, steps: Sequence[Quant], advised: str, asked: Asked) -> Iterator[Choice]:
    """One model step by step, from the best to the one that is advised and all below it of `steps`.

    Args:
        advised: the quant that is; shown in any case.
    """
    for quant in steps:
        try:
            found = answer(entry.model, quant, asked.devices, asked.question)
            if asked.offloading and not found.fits:
                found = answer(entry.model, quant, asked.devices, asked.offloading)
        except (UsageError, UnsupportedModelError):  # refused on these devices; `best` says so where all of them are
            continue
        yield _choice(entry, found, advised, asked.devices)


def _choice(entry: Entry, one: Chosen, advised: str, devices: DeviceSet) -> Choice:
    about, placed = entry.model.about, one.placed
    weights, fits = entry.model.weights(one.quant).value, one.fits
    whole = laid(one.runtime, one.subject, one.asked, one.settled, devices)
    speed = pace_of(whole, moved(one.subject, entry.profile))
    return Choice(
        quant=one.quant.id,
        bits_per_weight=8 * weights / about.parameters,
        weights_bytes=weights,
        total_bytes=placed.total,
        used_bytes=placed.used,
        free_bytes=placed.free,
        host_bytes=placed.host.used,
        parts={kind: size for kind in KINDS if (size := placed.of(kind, host=False).value)},
        fits=fits,
        missing_bytes=placed.missing,
        max_context=longest(one, devices, about.sequence, about.limit),
        loss=LossRef.of(one.quant.id, about.id),
        tokens_per_second=speed.decode.value if speed else None,
        advised=fits and one.quant.id == advised,
        may_fit=one.placed.fits is Verdict.MAYBE,
        used_ends=placed.used_ends,
        runtime=one.runtime.info.name,
        split=whole.split,
    )
