"""A line of an estimate: what a model takes in one format, and how each part of that is known."""

from __future__ import annotations

from llmscale.answers.results.common import Bound
from llmscale.answers.results.estimate import DeviceFit, Estimate
from llmscale.fit.bounds import bounds_of
from llmscale.fit.subject import Subject
from llmscale.quantity import Basis, Quantity
from llmscale.runtimes.interface import Runtime
from llmscale.runtimes.placed import CACHE, COMPUTE, DRAFT, MMPROJ, STATE, WEIGHTS, Placement
from llmscale.runtimes.subject import Exact


def estimated(
    runtime: Runtime, subject: Subject, parameters: int, placed: Placement, fits: tuple[DeviceFit, ...]
) -> Estimate:
    """One line: each weight counted once, all else as it lies."""
    weights = subject.weights
    cache, state, compute = (placed.of(kind) for kind in (CACHE, STATE, COMPUTE))
    beside = {kind: placed.of(kind).value for kind in (MMPROJ, DRAFT)}
    shown = weights if _ranged(weights) else weights._replace(value=min(weights.value, placed.of(WEIGHTS).value))
    told = shown.value + cache.value + state.value + compute.value + sum(beside.values())
    file = _file(subject)
    parts = {"weights": shown, "kv_cache": cache, "state": state, "compute": compute}
    ranges = {f"{name}_bytes": (part.low, part.high) for name, part in parts.items() if _ranged(part)}
    if ranges:
        ranges["total_bytes"] = placed.ends
    if file:
        ranges["file_bytes"] = (file.low, file.high)
    # That there is none of a part is known as the model is.
    none = subject.basis if isinstance(subject, Exact) else Basis.ASSUMED
    basis = {name: (part.basis if part.high else none).value for name, part in parts.items()}
    basis |= {"overhead": Basis.MODELLED.value}
    basis |= {"file": file.basis.value} if file else {}
    basis |= {kind: Basis.MODELLED.value for kind, size in beside.items() if size}
    return Estimate(
        quant=subject.quant.id,
        runtime=runtime.info.name,
        release=runtime.release,
        bits_per_weight=8 * shown.value / parameters,
        weights_bytes=shown.value,
        file_bytes=file.value if file else None,
        kv_cache_bytes=cache.value,
        state_bytes=state.value,
        compute_bytes=compute.value,
        overhead_bytes=placed.total - told,
        mmproj_bytes=beside[MMPROJ] or None,
        draft_bytes=beside[DRAFT] or None,
        total_bytes=placed.total,
        basis=basis,
        ranges=ranges,
        bounds={
            part: Bound(entry.within, entry.worst, entry.rows, entry.held_out, entry.what)
            for part, entry in bounds_of(runtime, subject, placed).items()
        },
        devices=fits,
    )


def _ranged(part: Quantity) -> bool:
    return part.low != part.high


def _file(subject: Subject) -> Quantity | None:
    """Bytes of a GGUF file, its vocabulary included; None for other formats and for bare sizes."""
    if not isinstance(subject, Exact) or subject.quant.kind != "gguf":
        return None
    if subject.quant.stored:
        known = Basis.REPORTED if subject.quant.estimated else Basis.EXACT
        return Quantity.exactly(subject.quant.file_bytes, known)
    from llmscale.formats.gguf.files import file_bytes  # only GGUF's quants have files of their own

    return Quantity(*file_bytes(subject.spec, subject.stored), Basis.MODELLED)
