"""How each part comes about under transformers, for ``--explain``: one line a part, and the terms of the peak."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.runtimes.general import cache_lines, state_lines
from llmscale.runtimes.interface import Subject, Workload
from llmscale.runtimes.transformers import VERSION
from llmscale.runtimes.transformers.peak import Peak, peak_of, state_of
from llmscale.runtimes.transformers.rule import least, moments, most_of
from llmscale.runtimes.transformers.styles import compared

#: Terms of the peak that are listed one by one.
LISTED = 12


def lines(subject: Subject, work: Workload, overhead: int) -> Iterator[str]:
    """All lines; `overhead` is in bytes."""
    yield from cache_lines(subject, work)
    yield from _state_lines(subject, work)
    if not subject.shape.decodes:
        yield "  KV cache = 0: an encoder keeps nothing between tokens (exact)"
    found = peak_of(subject, work)
    yield from _rule_lines(subject, work) if found is None else _peak_lines(found, subject, work)
    yield (
        f"  overhead = {overhead:,} bytes for the CUDA context, cuBLAS and what the allocator "
        "reserves beyond what is allocated (assumed)"
    )


def _state_lines(subject: Subject, work: Workload) -> Iterator[str]:
    size = state_of(subject, work)
    if size is None:
        yield from state_lines(subject.shape, work)
        return
    yield (
        f"  state = {size:,} bytes for {work.batch} sequences at any context: the convolutions' last inputs in "
        f"{work.activation_bytes} bytes, matrices in FP32 (modelled: transformers {VERSION})"
    )


def _rule_lines(subject: Subject, work: Workload) -> Iterator[str]:
    formula, size = max(moments(subject, work).items(), key=lambda item: item[1])
    most = most_of(subject)
    yield (
        f"  compute = {formula} = {size:,} bytes, {least(size):,} to {size * most:,} (assumed: a general rule, this "
        f"model's code is not traced; nearly all recorded rows lie below {most} times the rule)"
    )


def _peak_lines(found: Peak, subject: Subject, work: Workload) -> Iterator[str]:
    if subject.shape.states:
        yield (
            "  recurrent layers run without the optional kernels of mamba-ssm, causal-conv1d or "
            "flash-linear-attention; with them a prompt takes far less, which is not modelled"
        )
    kept = f", of which {found.settled:,} stay as KV cache and state" if found.settled else ""
    yield (
        f"  compute = {found.compute:,} bytes: at its widest, {_moment(found, subject, work)} has "
        f"{found.tape.peak:,} bytes alive besides the weights{kept} ({_basis(subject)})"
    )
    terms = found.tape.moment
    for buffer in terms[:LISTED]:
        made = f" = {buffer.elements:,} x {buffer.width} bytes" if buffer.width > 1 else ""
        yield f"    {buffer.name}: {buffer.size:,}{made}"
    if rest := terms[LISTED:]:
        yield f"    {len(rest)} smaller tensors: {sum(buffer.size for buffer in rest):,}"


def _moment(found: Peak, subject: Subject, work: Workload) -> str:
    if found.when == "prompt":
        return f"a prompt of {work.batch} x {work.context:,} tokens"
    if found.when == "answer":
        return f"the last token of an answer that ends at {work.context:,}"
    sequence = subject.shape.sequence
    return f"one call for {work.batch} x " + (
        f"a picture of {sequence:,} tokens" if sequence else f"{work.context:,} tokens"
    )


def _basis(subject: Subject) -> str:
    spec = subject.spec
    if spec and compared(spec.text_family or spec.family):
        return f"modelled: transformers {VERSION}, its forward pass traced"
    return f"modelled: as Llama in transformers {VERSION}, the code of this model was not compared"
