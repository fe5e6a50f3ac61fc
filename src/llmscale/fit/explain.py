"""The formulas behind an estimate with the numbers put in, for ``--explain``."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.fit.bounds import explain_bounds
from llmscale.fit.footprint import Candidate
from llmscale.formats.catalogue import format_of
from llmscale.formats.recipe import REST, Quant
from llmscale.formats.weights import assign_formats
from llmscale.model.inventory import Inventory, TensorGroup
from llmscale.model.spec import ModelSpec
from llmscale.quantity import Quantity
from llmscale.runtimes.general import overhead_line
from llmscale.runtimes.interface import Workload
from llmscale.units import format_size


def explain_estimate(
    spec: ModelSpec, parts: Inventory, quant: Quant, candidate: Candidate, work: Workload
) -> list[str]:
    """One line per part of the footprint: what is summed, with which numbers, from which source."""
    footprint = candidate.footprint(work)
    lines = [f"{quant.name} ({quant.source})", *_weight_lines(spec, parts, quant, footprint.weights)]
    if not spec.shape_known:
        low, middle, high = map(format_size, (footprint.cache.low, footprint.cache.value, footprint.cache.high))
        lines.append(
            f"  KV cache and compute: the shape of {spec.name} is not known; {len(candidate.subjects)} real models of "
            f"about that size take {low} to {high} of KV cache at {work.context:,} tokens, {middle} in the middle "
            "(assumed)"
        )
        lines.append(overhead_line(footprint.overhead.value))
    else:
        lines += candidate.runtime.explain(candidate.subjects[0], work)
    return [*lines, *explain_bounds(candidate, quant)]


def _weight_lines(spec: ModelSpec, parts: Inventory, quant: Quant, weights: Quantity) -> Iterator[str]:
    total = parts.total()
    told = f"{weights.value:,} bytes ({weights.basis.value}), {8 * weights.value / total:.4g} bits per weight"
    if quant.plain:
        form = format_of(quant.rules[REST])
        yield f"  weights = {total:,} parameters x {form.bits:g}/8 bytes = {told}"
        return
    if not spec.shape_known:
        yield f"  weights = {told}: the bits per weight that real models of about that size take"
        return
    yield f"  weights = {told}, of which"
    by_kind: dict[str, dict[str, tuple[int, int]]] = {}
    single = [0, 0]
    for stored in assign_formats(quant, spec, parts):
        if len(stored.group.shape) < 2 and stored.form.bits >= 16:
            single[0] += _tensors(stored.group)
            single[1] += stored.bytes
            continue
        forms = by_kind.setdefault(_kind(stored.group), {})
        tensors, size = forms.get(stored.form.name, (0, 0))
        forms[stored.form.name] = (tensors + _tensors(stored.group), size + stored.bytes)
    for kind, forms in by_kind.items():
        listed = ", ".join(f"{tensors} x {name}" for name, (tensors, _) in forms.items())
        yield f"    {kind}: {listed} = {sum(size for _, size in forms.values()):,} bytes"
    yield f"    norms, biases and other rows: {single[0]} in 16 or 32 bits = {single[1]:,} bytes"


def _kind(group: TensorGroup) -> str:
    """What a tensor is called in every layer: llama.cpp's own word where a GGUF file holds it, else the role."""
    return group.name.rpartition("}.")[2].removesuffix(".weight") if "blk." in group.name else group.role


def _tensors(group: TensorGroup) -> int:
    """How many tensors a file holds for the group; all experts of a layer may be one."""
    return max(1, len(group.layers)) * (group.experts if "{expert}" in group.name else 1)
