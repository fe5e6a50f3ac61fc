"""What a model asks of devices, FLOPs for each byte, beside what they have of both, and how much of it is reached."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from llmscale.answers.estimate import estimate
from llmscale.answers.question import named_devices, named_ram, question
from llmscale.answers.results.common import SizedModelRef
from llmscale.answers.results.estimate import DeviceFit, Estimate, EstimateResult
from llmscale.devices.sets import DeviceSet
from llmscale.devices.sets import counted as counted_device
from llmscale.errors import UsageError
from llmscale.fit.intensity import Intensity, Roof, of_prompt, of_step, roof_of
from llmscale.fit.pace import Moved, moved
from llmscale.fit.place import Settled, place
from llmscale.fit.subject import model_of
from llmscale.formats.catalogue import quant as quant_called
from llmscale.notes import Note
from llmscale.records import NamedTuple
from llmscale.runtimes.interface import Runtime
from llmscale.sources.registry import load

#: Sequences of a step and tokens of a prompt that are gone through, as far as they fit.
MOST_AT_ONCE, FIRST_PROMPT = 256, 128


class RoofPoint(NamedTuple):
    """One kind of work: `many` sequences of a step, or tokens of a prompt.

    Attributes:
        per_byte: FLOPs for each byte that is read.
        possible: FLOPs a second that the roof leaves it.
        reached: those that are modelled; None where no speed is.
    """

    many: int
    per_byte: float
    possible: float
    reached: float | None


class RooflineResult(NamedTuple):
    """Points of decode and of prefill below one roof."""

    model: SizedModelRef
    quant: str
    runtime: str
    release: str
    device: str
    context: int
    kv_dtype: str
    roof: Roof
    decode: tuple[RoofPoint, ...]
    prefill: tuple[RoofPoint, ...]
    notes: tuple[Note, ...]


class _Asked(NamedTuple):
    """The question without its numbers."""

    reference: str
    gpu: str
    quant: str
    runtime: str | None
    kv_dtype: str
    reserve: str | None
    options: Mapping[str, Any]
    catalogue: str | None

    def estimate(self, context: int | None, batch: int) -> EstimateResult:
        """The answer that `estimate` gives."""
        return estimate(
            self.reference,
            (self.quant,) if self.quant else (),
            context=context,
            batch=batch,
            kv_dtype=self.kv_dtype,
            runtime=self.runtime,
            gpus=(self.gpu,),
            options=self.options,
            reserve=self.reserve,
            catalogue=self.catalogue,
        )

    def settled(self, context: int, batch: int) -> tuple[Moved | None, Runtime, Settled, DeviceSet]:
        """What a token moves, and the workload as the runtime settled it."""
        loaded = load(self.reference, catalogue=self.catalogue)
        model = model_of(loaded.known(), loaded.stored, loaded.notes)
        options = named_ram((self.gpu,), self.options, self.runtime)
        asked = question(context, batch, self.kv_dtype, self.runtime, options, self.catalogue)
        devices = named_devices((self.gpu,), self.reserve, options)
        form = loaded.stored if loaded.stored and loaded.stored.id == self.quant else quant_called(self.quant)
        runtime = asked.runs(form)
        subject = model.subject(form, runtime.info.engine or runtime.info.name)
        work = asked.work(model.about, form, devices)
        return moved(subject), runtime, place(runtime, subject, work, devices[0]), devices[0]


def roofline(
    reference: str,
    gpu: str,
    quant: str = "",
    *,
    context: int | None = None,
    kv_dtype: str,
    runtime: str | None = None,
    reserve: str | None = None,
    options: Mapping[str, Any] | None = None,
    catalogue: str | None = None,
) -> RooflineResult:
    """Decode by the sequences at once, each with so much context, and prefill by the length of the prompt.

    Args:
        quant: the best that fits where none is named.

    Raises:
        UsageError: what does not fit, devices that are not alike or whose datasheets do not say, a bare size.
    """
    first = _Asked(reference, gpu, quant, runtime, kv_dtype, reserve, options or {}, catalogue)
    alone = first.estimate(context, 1)
    line = next((line for line in alone.estimates if line.devices and line.devices[0].fits), None)
    if line is None:
        raise UsageError(f"{alone.model.name} does not fit {gpu}.", "Take a smaller quant: -q q4_k_m, or more devices.")
    asked = first._replace(quant=line.quant, runtime=runtime or line.runtime)
    what, runs, _, devices = asked.settled(alone.context, 1)
    roof = roof_of(devices, runs.info.shares_tensors)
    if roof is None:
        raise UsageError(
            f"How fast {gpu} reads and multiplies is not known.", "Take a device of the catalogue, or several alike."
        )
    if what is None:
        raise UsageError(
            f"What a token of {alone.model.name} reads is not known.", "Name a model that decodes: llama-3.1-8b."
        )
    fit = line.devices[0]
    points = partial(_points, asked, what, roof)
    return RooflineResult(
        model=alone.model,
        quant=line.quant,
        runtime=line.runtime,
        release=line.release,
        device=counted_device(fit.id, fit.count),
        context=alone.context,
        kv_dtype=alone.kv_dtype,
        roof=roof,
        decode=tuple(points([(alone.context, batch) for batch in _doubled(1, _most(fit))], prompt=False)),
        prefill=tuple(
            points([(tokens, 1) for tokens in _doubled(min(FIRST_PROMPT, alone.context), alone.context)], prompt=True)
        ),
        notes=alone.notes,
    )


def _most(fit: DeviceFit) -> int:
    """Sequences that fit at once, of what fits with one."""
    return min(MOST_AT_ONCE, int(fit.max_concurrency or fit.max_batch or 1))


def _doubled(first: int, last: int) -> Iterator[int]:
    while first <= last:
        yield first
        first *= 2


def _points(
    asked: _Asked, what: Moved, roof: Roof, numbers: list[tuple[int, int]], prompt: bool
) -> Iterator[RoofPoint]:
    for context, batch in numbers:
        _, runs, settled, _ = asked.settled(context, batch)
        pace = runs.pace(settled.work)
        if prompt and pace is None:
            return
        work = of_prompt(what, settled.work, pace.chunk) if prompt and pace else of_step(what, settled.work, batch)
        line = asked.estimate(context, batch).estimates[0]
        reached = _of_prompt(line, work) if prompt else _of_steps(line, work, batch)
        yield RoofPoint(context if prompt else batch, work.per_byte, roof.at(work.per_byte), reached)


def _of_prompt(line: Estimate, work: Intensity) -> float | None:
    seconds = line.devices[0].first_token_seconds
    return work.flops / seconds if seconds else None


def _of_steps(line: Estimate, work: Intensity, batch: int) -> float | None:
    rate = line.devices[0].tokens_per_second
    return work.flops * rate / batch if rate else None
