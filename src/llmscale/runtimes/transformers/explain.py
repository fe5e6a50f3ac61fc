"""What transformers has alive at its widest moment, term by term, for ``--explain``."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.classes.styles import compared
from llmscale.runtimes.general import cache_lines, state_lines
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.subject import Exact
from llmscale.runtimes.transformers.peak import Peak, held_state, peak_of
from llmscale.runtimes.transformers.rule import RULE_LOW, moments, most_of
from llmscale.runtimes.transformers.summary import FRAMEWORK

#: Terms of the peak that are listed one by one.
LISTED = 12


def explain(subject: Exact, work: Workload, release: str) -> Iterator[str]:
    """Cache, state, the peak with its largest tensors, overhead."""
    yield from cache_lines(subject, work)
    held = held_state(subject, work)
    if held is None:
        yield from state_lines(subject.widths, work)
    else:
        yield (
            f"  state = {held:,} bytes for {work.batch} sequences at any context: the convolutions' last inputs in "
            f"{work.activation_bytes} bytes, matrices in FP32 (modelled: transformers {release})"
        )
    if not subject.widths.decodes:
        yield "  KV cache = 0: an encoder keeps nothing between tokens (exact)"
    found = peak_of(subject, work)
    if found is None:
        yield from _rule_lines(subject, work)
    else:
        if subject.widths.states:
            yield (
                "  recurrent layers run without the optional kernels of mamba-ssm, causal-conv1d or "
                "flash-linear-attention; with them a prompt takes far less, which is not modelled"
            )
        yield from _peak_lines(found, work, subject.widths.sequence, _basis_of(subject, release))
    yield (
        f"  overhead = {FRAMEWORK:,} bytes for the CUDA context, cuBLAS and what the allocator "
        "reserves beyond what is allocated (assumed)"
    )


def _rule_lines(subject: Exact, work: Workload) -> Iterator[str]:
    formula, size = max(moments(subject, work).items(), key=lambda item: item[1])
    low, high = int(size * RULE_LOW), size * most_of(subject)
    yield (
        f"  compute = {formula} = {size:,} bytes, {low:,} to {high:,} (assumed: a general rule, this model's code is "
        f"not traced; nearly all recorded rows lie below {most_of(subject)} times the rule)"
    )


def _basis_of(subject: Exact, release: str) -> str:
    spec = subject.spec
    if compared(spec.text_family or spec.family):
        return f"modelled: transformers {release}, its forward pass traced"
    return f"modelled: as Llama in transformers {release}, the code of this model was not compared"


def _peak_lines(found: Peak, work: Workload, sequence: int | None, basis: str) -> Iterator[str]:
    seen = f"a picture of {sequence:,} tokens" if sequence else f"{work.context:,} tokens"
    moment = {
        "prompt": f"a prompt of {work.batch} x {work.context:,} tokens",
        "answer": f"the last token of an answer that ends at {work.context:,}",
        "call": f"one call for {work.batch} x {seen}",
    }[found.when]
    kept = f", of which {found.settled:,} stay as KV cache and state" if found.settled else ""
    yield (
        f"  compute = {found.compute:,} bytes: at its widest, {moment} has {found.tape.peak:,} bytes alive "
        f"besides the weights{kept} ({basis})"
    )
    terms = found.tape.moment
    for buffer in terms[:LISTED]:
        made = f" = {buffer.elements:,} x {buffer.width} bytes" if buffer.width > 1 else ""
        yield f"    {buffer.name}: {buffer.size:,}{made}"
    if rest := terms[LISTED:]:
        yield f"    {len(rest)} smaller tensors: {sum(buffer.size for buffer in rest):,}"
