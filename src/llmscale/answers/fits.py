"""``fits``: which models a device takes, in which quant, with how much context."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from llmscale.answers.choose import Asked, answer, available, best, work_of
from llmscale.answers.choose import asked as ask
from llmscale.answers.command import line
from llmscale.answers.model import (
    DEFAULT_CONTEXT,
    DEFAULT_KV,
    Model,
    check_workload,
    common_devices,
    kv_format,
    reserve_bytes,
)
from llmscale.answers.place import placed
from llmscale.answers.results.common import LossRef
from llmscale.answers.results.fits import Choice, DeviceRef, FitsOverview, FitsResult, FittingModel
from llmscale.answers.speed import pace
from llmscale.devices.sets import DeviceSet, device_set
from llmscale.errors import UnsupportedModelError, UsageError
from llmscale.formats.recipe import Quant
from llmscale.runtimes.hardware import refusal, unmodelled
from llmscale.sources import load

#: The range of consumer cards that ``fits`` shows when no device is named.
CONSUMER_GIB = (12, 16, 24)
#: Of one model: how many quants below the best that fits are shown too.
STEPS_BELOW = 4


def fits(
    device: str | None = None,
    models: Sequence[str] = (),
    *,
    context: int | None = None,
    batch: int = 1,
    kv_dtype: str = DEFAULT_KV,
    quants: Sequence[str] = (),
    runtime: str | None = None,
    reserve: str | None = None,
    quant_map: str | None = None,
    sparsity: str | None = None,
    everything: bool = False,
    command: bool = False,
    catalogue: str | None = None,
) -> FitsResult | FitsOverview:
    """Which models fit a device, each in the quant with the least loss that does, with the largest context at it.

    Without `models` the whole catalogue is asked: those that fit, then those that miss the smallest quant by less
    than half of what there is, all with `everything`. Without a device: the 12 to 24 GB consumer range.

    Args:
        quants: the only ones to choose from; all of `runtime` when there are none.
        runtime: llama.cpp when None; a model that it cannot load is run from its published files instead.
        command: whether the line that starts each of `models` is wanted as well.
    """
    if command and not (models and device is not None):
        raise UsageError("--command asks about a device and a model.", "For example fits rtx4090 --model llama-3.1-8b.")
    check_workload(context, batch)
    asked = ask(context, batch, kv_format(kv_dtype), quants, runtime, quant_map, sparsity)
    everything = everything or bool(models)
    if models:
        of = [Model.of(load(name, catalogue=catalogue).known()) for name in models]
    else:
        from llmscale.answers.catalogued import all_models

        of = list(all_models(catalogue))
    sets = [device_set(device, reserve_bytes(reserve))] if device is not None else common_devices(CONSUMER_GIB, reserve)
    _refuse_unmodelled(sets, asked)
    answers, unable = _had(of, asked, bool(models))
    results = tuple(_fits(devices, answers, unable, asked, everything, bool(models)) for devices in sets)
    if device is None:
        return FitsOverview(results[0].context, results)
    (result,) = results
    if command:
        lines = {
            model.ref.id: _command(model, sets[0], asked, name, catalogue)
            for model, name in zip(of, models, strict=True)
        }
        result.models = tuple(replace(shown, command_line=lines[shown.id]) for shown in result.models)
    return result


def _refuse_unmodelled(sets: Sequence[DeviceSet], asked: Asked) -> None:
    """Raises:
    UsageError: devices on which no runtime is modelled that reads what is asked for first.
    """
    runtimes = {asked.of(quant) for quant in asked.ladders[0]}
    for devices in sets:
        told = [unmodelled(name, devices) for name in sorted(runtimes)]
        if told and told[0] and all(told):
            raise refusal(told[0])


#: Models with the quants that each can be had in.
Had = list[tuple[Model, list[Quant]]]


def _had(models: Iterable[Model], asked: Asked, named: bool) -> tuple[Had, list[str]]:
    """Those that can be had in any quant asked for, and the ids of those that cannot."""
    answers: Had = []
    unable = []
    for model in models:
        try:
            answers.append((model, available(model, asked)))
        except UnsupportedModelError:
            if named:
                raise
            unable.append(model.ref.id)
    return answers, unable


def _fits(
    devices: DeviceSet, answers: Had, unable: Sequence[str], asked: Asked, everything: bool, named: bool
) -> FitsResult:
    lines, refused = [], list(unable)
    for model, steps in answers:
        try:
            lines.append(_line(model, steps, devices, asked))
        except UsageError:
            if named:
                raise
            refused.append(model.ref.id)
    near = devices.total_usable // 2
    shown = [line for line in lines if everything or line.fits or line.missing_bytes <= near]
    shown.sort(key=lambda line: (not line.fits, -line.parameters if line.fits else line.missing_bytes, line.id))
    device = DeviceRef(
        devices.id,
        devices.name,
        devices.count,
        devices.memory,
        devices.total_usable,
        devices.memory - devices.total_usable,
    )
    choices: tuple[Choice, ...] = ()
    if len(answers) == 1 and named:
        choices = tuple(_choices(*answers[0], devices, asked))
    return FitsResult(
        device, asked.context or DEFAULT_CONTEXT, tuple(shown), len(lines) - len(shown), choices, tuple(refused)
    )


def _line(model: Model, steps: Sequence[Quant], devices: DeviceSet, asked: Asked) -> FittingModel:
    quant, found = best(model, steps, devices, asked)
    work = work_of(model, quant, asked)
    speed = pace(model, quant, work, asked.of(quant), devices) if found.fits else None
    return FittingModel(
        id=model.ref.id,
        parameters=model.ref.parameters,
        basis=model.ref.basis,
        quant=quant.id,
        total_bytes=found.total,
        fits=found.fits,
        max_context=found.max_context if found.fits else None,
        missing_bytes=found.missing,
        tokens_per_second=speed.decode.value if speed else None,
        tokens_per_second_range=(speed.decode.low, speed.decode.high) if speed else None,
        context=model.context(asked.context),
        weights_bytes=model.weights(quant).value,
        loss=LossRef.of(quant.id, model.ref.id),
        command_line=None,
    )


def _command(model: Model, devices: DeviceSet, asked: Asked, name: str, catalogue: str | None) -> str | None:
    """What to type for the quant that `_line` says."""
    quant, found = best(model, available(model, asked), devices, asked)
    candidate, work = model.candidate(quant, asked.runtime), work_of(model, quant, asked)
    place = placed(model, quant, candidate, work, devices, found)
    fits = found.fits if place.fits is None else place.fits
    return line(model, quant, candidate, work, devices, place, fits, name, catalogue)


def _choices(model: Model, steps: Sequence[Quant], devices: DeviceSet, asked: Asked) -> Iterable[Choice]:
    """One model step by step: the last quant that does not fit, the best that does, and some below it."""
    lines = []
    for quant in steps:
        try:
            found = answer(model, quant, devices, asked)
        except UsageError:  # refused on these devices; `best` says so where all of them are
            continue
        weights = model.weights(quant).value
        lines.append(
            Choice(
                quant=quant.id,
                bits_per_weight=8 * weights / model.ref.parameters,
                weights_bytes=weights,
                total_bytes=found.total,
                fits=found.fits,
                missing_bytes=found.missing,
                max_context=found.max_context,
                loss=LossRef.of(quant.id, model.ref.id),
            )
        )
    first = next((index for index, line in enumerate(lines) if line.fits), len(lines))
    return lines[max(0, first - 1) : first + 1 + STEPS_BELOW]
