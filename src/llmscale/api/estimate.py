"""``estimate``: what a model takes in each format, and which devices it fits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from llmscale.api.command import line
from llmscale.api.model import (
    DEFAULT_KV,
    DEFAULT_QUANTS,
    MAX_BATCH,
    Model,
    check_known,
    check_options,
    check_workload,
    common_devices,
    kv_formats_of,
    reserve_bytes,
)
from llmscale.api.place import Placed, placed
from llmscale.bounds import bounds_of
from llmscale.devices.sets import DeviceSet, device_set
from llmscale.errors import UnsupportedModelError
from llmscale.fit import Fit, fit, largest_batch, usable
from llmscale.footprint import Candidate, Footprint, Quantity
from llmscale.formats.recipe import Quant
from llmscale.formats.select import selected
from llmscale.inventory import inventory
from llmscale.results.estimate import DeviceFit, Estimate, EstimateResult
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
    tokens = model.context(context)
    sets = [device_set(gpu, reserve_bytes(reserve)) for gpu in gpus] or common_devices(COMMON_GIB, reserve)
    sets = [_enough(devices, options.ranks) for devices in sets]
    asked, lenient = selected(list(quants) or DEFAULT_QUANTS, quant_map, sparsity)
    estimates, explanation, refused = [], [], []
    for form in asked:
        try:
            candidate = model.candidate(form, runtime)
        except UnsupportedModelError:
            if not lenient:
                raise
            refused.append(form.name)
            continue
        check_known(options, candidate.runtime.name)
        work = Workload(tokens, batch, kv, form.activation_bytes, kv_v, options)
        estimates.append(_estimate(form, model, candidate, work, sets, (reference, catalogue)))
        if explain:
            from llmscale.explain import explain_estimate

            explanation += explain_estimate(spec, inventory(spec), form, candidate, work)
            if candidate.runtime.name == "vllm" and model.counted:
                from llmscale.api.serve import explain_served

                explanation += [explain_served(model, form, work, devices) for devices in sets if gpus]
    if not estimates:
        raise UnsupportedModelError(f"{spec.name} cannot be had in any of these quants.", "See llmscale quants list.")
    warnings = list(spec.warnings)
    if refused:
        warnings.append(f"{spec.name} cannot be had in {', '.join(refused)}.")
    served = [line for line in estimates if line.runtime == "vllm"]
    if served and all(device.max_concurrency is None for line in served for device in line.devices):
        warnings.append(f"How vLLM lays out {spec.name} is not modelled; a general rule stands for it.")
    if context and spec.max_context and context > spec.max_context:
        warnings.append(f"A context of {context:,} is beyond the model's own limit of {spec.max_context:,} tokens.")
    unlike = [devices for devices in sets if devices.members]
    if unlike and any(each.runtime == "vllm" for each in estimates):
        warnings.append(f"vLLM puts the same on each device: of {unlike[0].id}, what the smallest has room for.")
    if context and spec.sequence:
        warnings.append(f"{spec.name} always sees {spec.sequence:,} tokens; --context changes nothing.")
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
        if place.max_batch is None:
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
    file = model.file(form)
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
        total_bytes=footprint.total,
        basis=_basis(footprint) | ({"file": file.basis.value} if file else {}),
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
            **place._asdict(),
            "fits": answer.fits if place.fits is None else place.fits,
            "max_context": answer.max_context if place.max_context is None else place.max_context or None,
            "max_batch": place.max_batch or None,
            "may_fit": answer.may_fit if place.may_fit is None else place.may_fit,
            "headroom_bytes": answer.headroom if place.headroom_bytes is None else place.headroom_bytes,
        },
    )
