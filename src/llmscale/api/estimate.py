"""``estimate``: what a model takes in each format, and which devices it fits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from llmscale.api.beside import beside
from llmscale.api.command import line
from llmscale.api.model import (
    DEFAULT_KV,
    DEFAULT_QUANTS,
    MAX_CONTEXT,
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
from llmscale.fit import Fit, fit, usable
from llmscale.footprint import Candidate, Footprint, Quantity
from llmscale.formats.readers import USUAL
from llmscale.formats.recipe import Quant
from llmscale.formats.select import selected
from llmscale.inventory import inventory
from llmscale.results.estimate import DeviceFit, Estimate, EstimateResult
from llmscale.runtimes import runtime as find_runtime
from llmscale.runtimes.interface import DEFAULTS, Options, Workload
from llmscale.runtimes.transformers.runtime import RULE_HIGH, RULE_PICTURES
from llmscale.sources import load
from llmscale.spec import Basis

#: Memory of common cards; one sold as "24 GB" holds 24 GiB.
COMMON_GIB = (8, 12, 16, 24, 32, 48, 80)
#: Runtimes that fill the devices with a cache of their own size, as people write them.
SERVERS = {"vllm": "vLLM", "sglang": "SGLang"}


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
    tokens = model.context(context)
    if context is None and runtime and find_runtime(runtime).name == "ollama":
        from llmscale.api.ollama import context_on

        tokens = model.context(min(context_on(named), model.limit or MAX_CONTEXT))
    asked, lenient = _asked(tuple(quants), runtime, quant_map, sparsity)
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
        candidate = candidate._replace(beside=beside(model, form, options, catalogue))
        work = Workload(tokens, batch, kv, form.activation_bytes, kv_v, options)
        estimates.append(_estimate(form, model, candidate, work, sets, (reference, catalogue)))
        if explain:
            from llmscale.explain import explain_estimate

            explanation += explain_estimate(spec, inventory(spec), form, candidate, work)
            if candidate.runtime.name == "vllm" and model.counted:
                from llmscale.api.serve import explain_served

                explanation += [explain_served(model, form, work, devices) for devices in sets if gpus]
            if candidate.runtime.name == "sglang" and model.counted:
                from llmscale.api.pooled import explain_pooled

                explanation += [explain_pooled(model, form, work, devices) for devices in sets if gpus]
            if candidate.runtime.name == "llama.cpp":
                from llmscale.runtimes.llama_cpp.process import explain_process

                explanation += [one.explain(work) for one in candidate.beside]
                explanation += [line for devices in sets if gpus for line in explain_process(devices)]
    if not estimates:
        raise UnsupportedModelError(f"{spec.name} cannot be had in any of these quants.", "See llmscale quants list.")
    warnings = list(spec.warnings)
    if refused:
        warnings.append(f"{spec.name} cannot be had in {', '.join(refused)}.")
    for name, told in SERVERS.items():
        served = [line for line in estimates if line.runtime == name]
        if served and all(device.max_concurrency is None for line in served for device in line.devices):
            warnings.append(f"How {told} lays out {spec.name} is not modelled; a general rule stands for it.")
    if any(each.runtime == "transformers" for each in estimates) and _ruled(model):
        warnings.append(
            f"How transformers runs {spec.name} is not gone through; a general rule stands for its activations, which "
            f"may be {RULE_PICTURES if spec.sequence else RULE_HIGH} times as much."
        )
    if context and spec.max_context and context > spec.max_context:
        warnings.append(f"A context of {context:,} is beyond the model's own limit of {spec.max_context:,} tokens.")
    unlike = [devices for devices in sets if devices.members]
    for name, told in SERVERS.items():
        if unlike and any(each.runtime == name for each in estimates):
            warnings.append(f"{told} puts the same on each device: of {unlike[0].id}, what the smallest has room for.")
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


def _asked(
    quants: tuple[str, ...], runtime: str | None, quant_map: str | None, sparsity: str | None
) -> tuple[list[Quant], bool]:
    """The quants that are meant, see `selected`; a runtime that does not run the usual ones has its own."""
    usual = USUAL.get(find_runtime(runtime).name) if runtime and quants in ((), DEFAULT_QUANTS) else None
    asked, lenient = selected(usual or quants or DEFAULT_QUANTS, quant_map, sparsity)
    return asked, lenient or usual is not None


def _ruled(model: Model) -> bool:
    """Whether a rule answers for what transformers has alive of a model whose tensors are known."""
    if model.spec is None or not model.counted:
        return False
    from llmscale.runtimes.transformers.forward import told

    return not told(model.spec)


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
            "may_fit": answer.may_fit if place.may_fit is None else place.may_fit,
            "headroom_bytes": answer.headroom if place.headroom_bytes is None else place.headroom_bytes,
        },
    )
