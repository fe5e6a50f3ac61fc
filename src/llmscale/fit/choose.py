"""Choosing a quant: of those that a model can be had in, the one with the least loss that fits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

from llmscale.devices.sets import DeviceSet
from llmscale.errors import LlmscaleError, UnsupportedModelError, UsageError
from llmscale.fit.bare import Bare
from llmscale.fit.largest import longest_context
from llmscale.fit.offloading import offloads
from llmscale.fit.place import Settled, place
from llmscale.fit.question import Question
from llmscale.fit.subject import Counted, Listed, Model, Subject
from llmscale.formats.catalogue import quants
from llmscale.formats.ladder import by_quality, ladder, originals
from llmscale.formats.recipe import Quant
from llmscale.formats.select import named as named_quant
from llmscale.formats.select import selected
from llmscale.notes import Note
from llmscale.records import NamedTuple
from llmscale.runtimes.interface import Runtime, RuntimeInfo, Workload
from llmscale.runtimes.placed import WEIGHTS, Placement, Verdict
from llmscale.runtimes.refusals import reads, refusal, refuse_lacking, refuse_unread, runs, unable, unmodelled
from llmscale.runtimes.registry import FIRST, NEXT, infos, named
from llmscale.runtimes.registry import runtime as find_runtime
from llmscale.runtimes.subject import Summary


class Choices(NamedTuple):
    """What to choose from; the first of `ladders` that a model can be had in at all counts.

    Attributes:
        originals: for each of them the quants that keep the tensors of checkpoints that are published quantised; none
            where somebody names the quants.
        named: whether somebody did.
    """

    ladders: tuple[tuple[Quant, ...], ...]
    originals: tuple[tuple[Quant, ...], ...]
    named: bool = False

    def of(self, wanted: Callable[[Quant], bool]) -> Choices:
        """With those of its quants that are wanted, and all that keep a checkpoint as it is."""
        return self._replace(ladders=tuple(tuple(filter(wanted, steps)) for steps in self.ladders))

    def keeping(self, method: str) -> list[tuple[tuple[Quant, ...], list[Quant]]]:
        """Each ladder with the quants of its runtimes that keep a checkpoint of this ``quant_method`` as it is."""
        return [
            (steps, [quant for quant in kept if method and method in quant.keeps])
            for steps, kept in zip(self.ladders, self.originals, strict=True)
        ]


class Chosen(NamedTuple):
    """A model in a quant on devices.

    Attributes:
        precise: whether the placement is the runtime's own, and not what was compiled.
    """

    quant: Quant
    runtime: Runtime
    subject: Subject
    asked: Workload
    settled: Settled
    precise: bool

    @property
    def placed(self) -> Placement:
        """Where it lies."""
        return self.settled.placed

    @property
    def fits(self) -> bool:
        """Whether it surely does."""
        return self.placed.fits is Verdict.YES

    def longest(self, devices: DeviceSet, limit: int | None) -> int | None:
        """The longest context that surely fits."""
        return longest_context(self.runtime, self.subject, self.asked, devices, limit)


def choices(
    names: Sequence[str],
    runtime: str | None,
    quant_map: str | None = None,
    sparsity: str | None = None,
    *,
    common: bool = False,
) -> Choices:
    """The quants to choose from, best first: those named, all of a runtime, or llama.cpp's.

    What the runtime that is asked first cannot load is run from its published files instead, unless one is named.

    Args:
        common: only the steps that people go down on a runtime, where it says which these are.
    """
    if names:
        return Choices((tuple(by_quality(selected(names, quant_map, sparsity)[0])),), ((),), named=True)
    if quant_map or sparsity:
        raise UsageError("--quant-map and --sparsity change a quant, and none is named.", "Add one: --quant q4_k_m.")
    first = named(runtime) if runtime else FIRST
    steps, kept = _steps(first) if common else ladder(first), originals(first)
    if runtime:
        return Choices((tuple(steps),), (kept,))
    *serving, last = NEXT
    served = [quant for name in serving for quant in _steps(name) if quant.runtime == name]
    others = by_quality([*served, *(_steps(last) if common else ladder(last))])
    keeping = tuple(quant for name in NEXT for quant in originals(name) if quant.runtime == name)
    return Choices((tuple(steps), tuple(others)), (kept, keeping))


def _steps(runtime: str) -> list[Quant]:
    return [named_quant(step) for step in find_runtime(runtime).info.steps] or ladder(runtime)


def published(model: Model, steps: Sequence[Quant]) -> Quant | None:
    """The first of `steps` that keeps the tensors of the model's checkpoint, where that is published quantised."""
    method = model.about.published_in
    return next((quant for quant in steps if method and method in quant.keeps), None)


def available(model: Model, choose: Choices, question: Question, served: bool = False) -> list[Quant]:
    """The quants that the model can be had in, best first.

    Args:
        served: whether the published files come first also where only a later runtime than the first reads them.

    Raises:
        UnsupportedModelError: none of those asked for.
    """
    stored = None if choose.named or isinstance(model, Listed) else model.stored
    if stored and _run(model, [stored], question):
        return [stored]
    kept = choose.keeping(model.about.published_in)
    for at, (steps, keeping) in enumerate(kept):
        found = _run(model, model.has(steps), question)
        own = next(iter(_run(model, model.has(keeping), question)), None)
        if own:
            # Nothing is won by a file that is larger than the published one.
            size = model.weights(own).value
            return [own, *(quant for quant in found if model.weights(quant).value < size)]
        if found:
            later = [quant for _, others in kept[at + 1 :] for quant in _run(model, model.has(others), question)]
            return [*(later[:1] if served else ()), *_no_larger(model, found, choose.named)]
    if question.runtime and not choose.named:
        title = find_runtime(question.runtime).info.title
        raise UnsupportedModelError(
            f"{model.about.name} cannot be had in any quant of {title}.", "Leave --runtime away, or name another."
        )
    raise UnsupportedModelError(
        f"{model.about.name} cannot be had in any of these quants.", "See llmscale quants list."
    )


def _no_larger(model: Model, found: list[Quant], named: bool) -> list[Quant]:
    """Of steps that nobody named those that win something over the published files, which are of another runtime: the
    smallest that is as large, and all below it."""
    method = model.about.published_in
    published = model.has([quant for quant in quants() if method in quant.keeps]) if method and not named else []
    if not published:
        return found
    size = model.weights(published[0]).value
    larger = [quant for quant in found if model.weights(quant).value >= size]
    least = min(larger, key=lambda quant: model.weights(quant).value, default=None)
    return [quant for quant in found if quant is least or quant not in larger]


def _run(model: Model, quants: Sequence[Quant], question: Question) -> list[Quant]:
    """Those that the runtime asked for, or their own, runs, with the options that are given."""
    infos = {name: _taking(model, name, question) for name in {question.runtime or one.runtime for one in quants}}
    return [quant for quant in quants if (info := infos[question.runtime or quant.runtime]) and reads(info, quant)]


def _taking(model: Model, runtime: str, question: Question) -> RuntimeInfo | None:
    """What is known of a runtime that runs the model, with the options that are given; None where it does not."""
    info = find_runtime(runtime).info
    return info if runs(info, model.about.family) and not lacking(question, info.name) else None


def lacking(question: Question, runtime: str) -> str:
    """The first option that is given and that the runtime does not have; empty when it has all."""
    if not question.options:
        return ""
    known = {option.name for option in find_runtime(runtime).info.options}
    return next((name for name, _ in question.options if name not in known), "")


def refuse_options(question: Question, runtime: str) -> None:
    """Raises:
    UsageError: an option that `runtime` does not have.
    """
    name = lacking(question, runtime)
    if not name:
        return
    by = [info.name for info in infos() if any(option.name == name for option in info.options)]
    flag = next(option.flags[0] for info in infos() for option in info.options if option.name == name)
    told = " and ".join(filter(None, (", ".join(by[:-1]), by[-1])))
    raise UsageError(
        f"{flag.partition('/')[0]} is an option of {told}, and this is for {runtime}.",
        f"Add --runtime {by[0]}, or leave it away.",
    )


def foreign(quant: Quant, question: Question, devices: DeviceSet) -> Note | None:
    """Why nothing is said of a quant or its runtime on `devices`; None where something is."""
    runtime = question.runs(quant)
    return unmodelled(runtime, devices) or unable(quant, devices, runtime.info)


def answer(model: Model, quant: Quant, devices: DeviceSet, question: Question) -> Chosen:
    """A model in one quant on devices.

    Raises:
        UsageError, UnsupportedModelError: what the runtime refuses.
    """
    runtime = question.runs(quant)
    if (why := foreign(quant, question, devices)) is not None:
        raise refusal(why)
    refuse_unread(runtime.info, quant)
    refuse_lacking(runtime.info, model.about.family, model.about.name)
    subject = model.subject(quant, runtime.info.engine or runtime.info.name)
    asked = question.work(model.about, quant, [devices])
    settled = place(runtime, subject, asked, devices)
    precise = not isinstance(subject, Summary) or runtime.screen_error(subject, settled.work, devices).precise
    return Chosen(quant, runtime, subject, asked, settled, precise)


def best(
    model: Model,
    steps: Sequence[Quant],
    devices: DeviceSet,
    question: Question,
    counted: Callable[[], Counted | Bare] | None = None,
) -> Chosen:
    """The first of `steps` that fits; where none does, the last that might have by its weights, or else of all.

    Args:
        counted: the model with its tensors, to ask where what was compiled leaves it open.

    Raises:
        LlmscaleError: the runtimes refuse all of them on these devices.
    """
    refused: LlmscaleError | None = None
    last: Chosen | None = None
    larger: list[Quant] = []
    for quant in steps:
        if too_large(model, [quant], devices, question):
            larger.append(quant)
            continue
        moved = offloads(question, quant)
        try:
            found = answer(model, quant, devices, question)
            if counted is not None and _open(found, devices, moved):
                found = answer(counted(), quant, devices, question)
        except (UsageError, UnsupportedModelError) as error:
            refused = refused or error
            continue
        last = found
        if found.fits:
            return found
    if larger and last is None:
        return _least_lacking(model, larger, devices, question)
    if last is None:
        raise refused or UnsupportedModelError(f"{model.about.name} cannot be had in any of these quants.")
    return last


def too_large(model: Model, quants: Sequence[Quant], devices: DeviceSet, question: Question) -> bool:
    """Whether the weights alone are, in all of `quants`."""
    return all(model.on_devices(quant) > devices.memory and not offloads(question, quant) for quant in reversed(quants))


def _least_lacking(model: Model, quants: Sequence[Quant], devices: DeviceSet, question: Question) -> Chosen:
    """The last of `quants`, none of which fits, that the runtimes do not refuse.

    Raises:
        LlmscaleError: they refuse all.
    """
    for quant in reversed(quants[1:]):
        with suppress(UsageError, UnsupportedModelError):
            return answer(model, quant, devices, question)
    return answer(model, quants[0], devices, question)


def _open(found: Chosen, devices: DeviceSet, moved: bool) -> bool:
    """Whether what was compiled lies so near to what there is that the runtime's own placement may say otherwise."""
    subject, placed = found.subject, found.placed
    if found.precise or not isinstance(subject, Summary):
        return False
    # A runtime loads what was compiled, or more: tests/fit/test_choose.py.
    if not moved and placed.of(WEIGHTS, host=False).value > placed.usable:
        return False
    return found.runtime.screen_error(subject, found.settled.work, devices).leaves_open(placed)
