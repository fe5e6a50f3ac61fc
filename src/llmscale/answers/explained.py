"""The formulas behind an estimate and behind each device of it, for ``--explain``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llmscale.answers.placed import Laid, explained_pace
from llmscale.fit.bare import BareSize
from llmscale.fit.bounds import explain_bounds
from llmscale.fit.pace import moved
from llmscale.formats.catalogue import format_of
from llmscale.formats.recipe import REST
from llmscale.model.inventory import TensorGroup
from llmscale.quantity import Quantity
from llmscale.runtimes.general import overhead_line
from llmscale.runtimes.placed import CACHE, OVERHEAD
from llmscale.runtimes.subject import Exact, Summary
from llmscale.units import format_size


def explained(held: Sequence[Laid], named: bool) -> list[str]:
    """Lines of one quant: its weights and parts, how far off they may be, then what is particular to each device.

    Args:
        named: whether the devices were named.
    """
    first = held[0]
    quant = first.subject.quant
    lines = [f"{quant.name} ({quant.source})", *_weights(first)]
    for number, one in enumerate(held):
        if isinstance(one.subject, Exact):
            lines += one.runtime.explain(one.subject, one.settled.work, one.placed, one.devices)
        elif isinstance(one.subject, BareSize) and not number:
            lines += _of_a_size(one, one.subject)
    lines += explain_bounds(first.runtime, first.subject, first.placed)
    if named:
        for one in held:
            lines += explained_pace(one, moved(one.subject))
    return lines


def _of_a_size(one: Laid, subject: BareSize) -> Iterator[str]:
    placed = one.placed
    cache = placed.of(CACHE)
    low, middle, high = map(format_size, (cache.low, cache.value, cache.high))
    yield (
        f"  KV cache and compute: the shape of {subject.name} is not known; {len(subject.neighbours)} real models of "
        f"about that size take {low} to {high} of KV cache at {one.asked.context:,} tokens, {middle} in the middle "
        "(assumed)"
    )
    yield overhead_line(placed.of(OVERHEAD).value)


def _weights(one: Laid) -> Iterator[str]:
    subject = one.subject
    if isinstance(subject, Summary):
        return
    quant, size = subject.quant, subject.weights
    if isinstance(subject, BareSize):
        yield f"  weights = {size.value:,} bytes ({size.basis.value})" + (
            f": {format_of(quant.rules[REST]).bits:g}/8 bytes a parameter"
            if quant.plain
            else ": the bits per weight that real models of about that size take"
        )
        return
    yield from _exact_weights(subject, size)


def _exact_weights(subject: Exact, size: Quantity) -> Iterator[str]:
    quant, total = subject.quant, subject.inventory.total()
    told = f"{size.value:,} bytes ({size.basis.value}), {8 * size.value / total:.4g} bits per weight"
    if quant.plain:
        form = format_of(quant.rules[REST])
        yield f"  weights = {total:,} parameters x {form.bits:g}/8 bytes = {told}"
        return
    yield f"  weights = {told}, of which"
    by_kind: dict[str, dict[str, tuple[int, int]]] = {}
    single = [0, 0]
    for stored in subject.stored:
        if len(stored.group.shape) < 2 and stored.form.bits >= 16:
            single[0] += _tensors(stored.group)
            single[1] += stored.bytes
            continue
        forms = by_kind.setdefault(_kind(stored.group), {})
        tensors, taken = forms.get(stored.form.name, (0, 0))
        forms[stored.form.name] = (tensors + _tensors(stored.group), taken + stored.bytes)
    for kind, forms in by_kind.items():
        listed = ", ".join(f"{tensors} x {name}" for name, (tensors, _) in forms.items())
        yield f"    {kind}: {listed} = {sum(taken for _, taken in forms.values()):,} bytes"
    yield f"    norms, biases and other rows: {single[0]} in 16 or 32 bits = {single[1]:,} bytes"


def _kind(group: TensorGroup) -> str:
    """What a tensor is called in every layer: llama.cpp's own word where a GGUF file holds it, else the role."""
    return group.name.rpartition("}.")[2].removesuffix(".weight") if "blk." in group.name else group.role


def _tensors(group: TensorGroup) -> int:
    """How many tensors a file holds for the group; all experts of a layer may be one."""
    return max(1, len(group.layers)) * (group.experts if "{expert}" in group.name else 1)
