"""``estimate``: what a model takes in each format, and which devices it fits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from llmscale.answers.beside import beside
from llmscale.answers.cautions import cautions
from llmscale.answers.command import line
from llmscale.answers.model import (
    DEFAULT_KV,
    DEFAULT_QUANTS,
    MAX_BATCH,
    MAX_CONTEXT,
    Model,
    check_known,
    check_options,
    check_workload,
    common_devices,
    kv_formats_of,
    reserve_bytes,
)
from llmscale.answers.place import placed
from llmscale.answers.places import Placed
from llmscale.answers.results.estimate import DeviceFit, Estimate, EstimateResult
from llmscale.devices.sets import DeviceSet, device_set
from llmscale.errors import UnsupportedModelError
from llmscale.fit.bounds import bounds_of
from llmscale.fit.footprint import Candidate, Footprint
from llmscale.fit.largest import Fit, fit, largest_batch, usable
from llmscale.formats.mixed import parse_map, unmatched
from llmscale.formats.readers import USUAL
from llmscale.formats.recipe import Quant
from llmscale.formats.select import selected
from llmscale.formats.weights import assign_formats
from llmscale.quantity import Basis, Quantity
from llmscale.runtimes import runtime as find_runtime
from llmscale.runtimes.architectures import refuse_lacking
from llmscale.runtimes.hardware import refusal, unmodelled
from llmscale.runtimes.interface import DEFAULTS, Options, Workload
from llmscale.sources import load

#: Memory of common cards; one sold as "24 GB" holds 24 GiB.
COMMON_GIB = (8, 12, 16, 24, 32, 48, 80)


def estimate(
    reference: str,
    quants: Iterable[str] = DEFAULT_QUANTS,
    *,
    context: int | None = None,
    batch: int = 1,
    kv_dtype: str = DEFAULT_KV,
    runtime: str | None = None,
    gpus: Iterable[str] = (),
    options: Options = DEFAULTS,
    reserve: str | None = None,
    quant_map: str | None = None,
    sparsity: str | None = None,
    explain: bool = False,
    assume: str | None = None,
    catalogue: str | None = None,
) -> EstimateResult:
    """What a model takes in each format, and which devices it fits; common memory sizes when none is named.

    With `explain` the result carries the formulas with the numbers put in; `assume` and `catalogue` as in `load`.
    """
    check_workload(context, batch)
    spec = load(reference, assume=assume, catalogue=catalogue).known()
    model = Model.of(spec)
    kv, kv_v = kv_formats_of(kv_dtype)
    check_options(options)
    named = [device_set(gpu, reserve_bytes(reserve)) for gpu in gpus]
    sets = named or common_devices(COMMON_GIB, reserve)
    sets = [_enough(devices, options.ranks) for devices in sets]
    tokens, chosen = model.context(context), find_runtime(runtime).name if runtime else None
    if context is None and chosen == "ollama":
        from llmscale.answers.ollama import context_on

        tokens = model.context(min(context_on(named), model.limit or MAX_CONTEXT))
    if chosen:
        refuse_lacking(chosen, model.family, model.ref.name)
    asked, lenient = _asked(tuple(quants), chosen, quant_map, sparsity)
    estimates, explanation, refused, foreign = [], [], [], []
    for form in asked:
        try:
            candidate = model.candidate(form, runtime)
        except UnsupportedModelError:
            if not lenient:
                raise
            refused.append(form.name)
            continue
        check_known(options, candidate.runtime.name)
        candidate = candidate._replace(beside=beside(model, form, options, catalogue))
        work = Workload(tokens, batch, kv, form.activation_bytes, kv_v, options)
        told = [(devices, unmodelled(candidate.runtime.name, devices)) for devices in sets]
        held = [devices for devices, why in told if why is None]
        foreign += [why for _, why in told if why]
        estimates.append(_estimate(form, model, candidate, work, held, (reference, catalogue)))
        if explain:
            from llmscale.answers.explained import explained

            found = list(zip(held, estimates[-1].devices, strict=True)) if named else []
            explanation += explained(model, form, candidate, work, found)
    if foreign and not any(each.devices for each in estimates):
        raise refusal(foreign[0])
    if not estimates:
        raise UnsupportedModelError(f"{spec.name} cannot be had in any of these quants.", "See llmscale quants list.")
    warnings = [*spec.warnings, *dict.fromkeys(foreign)]
    if refused:
        warnings.append(f"{spec.name} cannot be had in {', '.join(refused)}.")
    warnings += cautions(model, estimates, sets, context)
    if quant_map and model.counted:
        warnings += _slips(quant_map, asked[0], model)
    return EstimateResult(
        model=model.ref,
        runtime=estimates[0].runtime,
        context=tokens,
        batch=batch,
        kv_dtype=kv.id if kv_v is None else f"k={kv.id},v={kv_v.id}",
        estimates=tuple(estimates),
        explanation=tuple(explanation),
        warnings=tuple(warnings),
    )


def _asked(
    quants: tuple[str, ...], runtime: str | None, quant_map: str | None, sparsity: str | None
) -> tuple[list[Quant], bool]:
    """The quants that are meant, see `selected`; a runtime that does not run the usual ones has its own."""
    usual = USUAL.get(runtime) if runtime and quants in ((), DEFAULT_QUANTS) else None
    asked, lenient = selected(usual or quants or DEFAULT_QUANTS, quant_map, sparsity)
    return asked, lenient or usual is not None


def _slips(quant_map: str, form: Quant, model: Model) -> list[str]:
    """Rules of the map that change nothing."""
    assert model.spec is not None
    assert model.parts is not None
    rules = unmatched(parse_map(quant_map), assign_formats(form, model.spec, model.parts))
    return [f"--quant-map: '{rule}' names no matrix of {model.ref.name}, so it changes nothing." for rule in rules]


def _enough(devices: DeviceSet, ranks: int) -> DeviceSet:
    """One device stands for as many as the options deal the model out to."""
    return replace(devices, count=ranks) if devices.count == 1 else devices


def _estimate(
    form: Quant,
    model: Model,
    candidate: Candidate,
    work: Workload,
    sets: Sequence[DeviceSet],
    called: tuple[str, str | None],
) -> Estimate:
    def on(devices: DeviceSet, answer: Fit) -> DeviceFit:
        place = placed(model, form, candidate, work, devices, answer)
        fits = answer.fits if place.fits is None else place.fits
        if place.max_batch is None and candidate.runtime.name != "ollama":  # which has a rule of its own for room
            place = place._replace(max_batch=largest_batch(candidate, work, devices, MAX_BATCH))
        place = place._replace(command=line(model, form, candidate, work, devices, place, fits, *called))
        return _device_fit(devices, usable(candidate, devices, work), answer, place)

    footprint = candidate.footprint(work)
    named = {
        "weights_bytes": footprint.weights,
        "kv_cache_bytes": footprint.cache,
        "state_bytes": footprint.state,
        "compute_bytes": footprint.compute,
    }
    file, extra = model.file(form), dict(footprint.beside)
    ranges = {name: (q.low, q.high) for name, q in named.items() if q.low != q.high}
    if ranges:
        ranges["total_bytes"] = (footprint.low, footprint.high)
    if file:
        ranges["file_bytes"] = (file.low, file.high)
    return Estimate(
        quant=form.id,
        runtime=candidate.runtime.name,
        bits_per_weight=8 * footprint.weights.value / model.ref.parameters,
        weights_bytes=footprint.weights.value,
        file_bytes=file.value if file else None,
        kv_cache_bytes=footprint.cache.value,
        state_bytes=footprint.state.value,
        compute_bytes=footprint.compute.value,
        overhead_bytes=footprint.overhead.value,
        mmproj_bytes=extra.get("mmproj"),
        draft_bytes=extra.get("draft"),
        total_bytes=footprint.total,
        basis=_basis(footprint)
        | ({"file": file.basis.value} if file else {})
        | dict.fromkeys(extra, Basis.MODELLED.value),
        ranges=ranges,
        bounds=bounds_of(candidate, form),
        devices=tuple(
            on(devices, answer) for devices, answer in zip(sets, fit(candidate, work, sets, model.limit), strict=True)
        ),
    )


def _basis(footprint: Footprint) -> dict[str, str]:
    parts: dict[str, Quantity] = {
        "weights": footprint.weights,
        "kv_cache": footprint.cache,
        "state": footprint.state,
        "compute": footprint.compute,
        "overhead": footprint.overhead,
    }
    return {name: part.basis.value for name, part in parts.items()}


def _device_fit(devices: DeviceSet, room: int, answer: Fit, place: Placed) -> DeviceFit:
    return DeviceFit(
        id=devices.id,
        count=devices.count,
        memory_bytes=devices.memory,
        usable_bytes=room,
        **{
            **{name: value for name, value in place._asdict().items() if name != "ranks"},
            "fits": answer.fits if place.fits is None else place.fits,
            "max_context": answer.max_context if place.max_context is None else place.max_context or None,
            "max_batch": place.max_batch or None,
            "may_fit": answer.may_fit if place.may_fit is None else place.may_fit,
            "headroom_bytes": answer.headroom if place.headroom_bytes is None else place.headroom_bytes,
        },
    )
