"""transformers 5.23.0 as llmscale asks of a runtime.

What a process takes at most is the larger of two moments: the prompt, with the whole context as one, and the last token
of an answer that ends there. The KV cache is what stays of it; all else that is alive at that moment is compute. Both
are of a batch without padding, greedy, in ``torch.no_grad``: gone through line by line in `forward`. An encoder is
called once, an encoder-decoder sees the whole context with its encoder and answers as long. Recurrent layers run
without optional kernels.

Which attention is taken by default is transformers' own choice: SDPA where the class takes it, else single operations.
A static cache is counted as it lies; that decoding with it is compiled by default, and what that takes, is not.

Not counted: what kernels allocate for themselves (cuBLAS has 8.1 MiB in PyTorch's allocator, 32 MiB from Hopper on),
and what the allocator reserves beyond what is allocated, in segments of 2 or 20 MiB or multiples of 2. The overhead
stands for these and the CUDA context; 0.5 GiB is assumed, not measured. Models whose blocks or code are not gone
through, and bare sizes, have a rule: embeddings, the layer's input, the residual and its normalised copy, and gate, up
and product; of a model whose tensors are known it is the middle of a range. Catalogue models of which only the shape is
at hand lie on lines between contexts that were gone through.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from llmscale.errors import UsageError
from llmscale.model.blocks.embedding import Head
from llmscale.runtimes.general import General, cache_lines, state_lines
from llmscale.runtimes.interface import Subject, Workload
from llmscale.units import GIB

if TYPE_CHECKING:
    from llmscale.devices.sets import DeviceSet
    from llmscale.model.spec import ModelSpec
    from llmscale.runtimes.transformers.tape import Tape

VERSION = "5.23.0"
FRAMEWORK = GIB // 2
ATTENTION = ("sdpa", "eager", "flash_attention_2")
CACHES = ("dynamic", "static")
LOGIT_BYTES = 4
#: What the rule is multiplied with for the least and the most of a model that is not gone through, and the most of one
#: that sees pictures: read off the recorded rows, those of models that are gone through included.
RULE_LOW, RULE_HIGH, RULE_PICTURES = 0.6, 10, 25
#: Contexts at which a model is gone through for the compiled catalogue, and the bytes of an activation there.
SAMPLED = (1, 512, 2048, 8192, 32_768, 131_072, 1_048_576)
WIDTH = 2
#: Terms of the peak that ``--explain`` lists one by one.
LISTED = 12


class Peak(NamedTuple):
    """The moment at which most is alive.

    Attributes:
        when: ``prompt``, ``answer``, or ``call`` of an encoder.
        settled: bytes of the cache and of states that stay once the answer goes on.
    """

    when: str
    tape: Tape
    settled: int


class Transformers:
    """See the module."""

    name = "transformers"
    grain = 1

    def __init__(self) -> None:
        self._general = General(self.name)

    def room(self, devices: DeviceSet, work: Workload) -> int:
        return devices.usable

    def cache(self, subject: Subject, work: Workload) -> int:
        return self._general.cache(subject, work)

    def state(self, subject: Subject, work: Workload) -> int:
        held = _held(subject, work) if subject.shape.states else None
        return self._general.state(subject, work) if held is None else held

    def compute(self, subject: Subject, work: Workload) -> int:
        points = subject.shape.transformers
        if subject.spec is None and points and not (work.options.attn or work.options.cache):
            return work.batch * between(points, work.context) * work.activation_bytes // WIDTH
        found = peak_of(subject, work)
        return rule(subject, work) if found is None else found.tape.peak - found.settled

    def within(self, subject: Subject, work: Workload) -> tuple[int, int]:
        """The least and the most that compute may be: itself, but for a model under the rule."""
        compute = self.compute(subject, work)
        if subject.shape.transformers or (subject.spec is not None and _told(subject.spec)):
            return compute, compute
        return int(compute * RULE_LOW), compute * most_of(subject)

    def overhead(self, subject: Subject, work: Workload) -> int:
        return FRAMEWORK

    def beyond(self, devices: DeviceSet) -> int:
        return 0

    def explain(self, subject: Subject, work: Workload) -> Iterator[str]:
        yield from cache_lines(subject, work)
        held = _held(subject, work) if subject.shape.states else None
        if held is None:
            yield from state_lines(subject.shape, work)
        else:
            yield (
                f"  state = {held:,} bytes for {work.batch} sequences at any context: the convolutions' last inputs in "
                f"{work.activation_bytes} bytes, matrices in FP32 (modelled: transformers {VERSION})"
            )
        if not subject.shape.decodes:
            yield "  KV cache = 0: an encoder keeps nothing between tokens (exact)"
        found = peak_of(subject, work)
        if found is None:
            yield from _rule_lines(subject, work)
        else:
            if subject.shape.states:
                yield (
                    "  recurrent layers run without the optional kernels of mamba-ssm, causal-conv1d or "
                    "flash-linear-attention; with them a prompt takes far less, which is not modelled"
                )
            yield from _peak_lines(found, work, subject.shape.sequence, _basis_of(subject))
        yield (
            f"  overhead = {self.overhead(subject, work):,} bytes for the CUDA context, cuBLAS and what the allocator "
            "reserves beyond what is allocated (assumed)"
        )


def most_of(subject: Subject) -> int:
    """How many times the rule a model that is not gone through may take."""
    return RULE_PICTURES if subject.shape.sequence else RULE_HIGH


def rule(subject: Subject, work: Workload) -> int:
    """Compute of a model that is not gone through."""
    return max(_ruled(subject, work).values())


def _ruled(subject: Subject, work: Workload) -> dict[str, int]:
    """Bytes at the moments that the rule knows: a layer, and the logits of an encoder that has some."""
    shape, width = subject.shape, work.activation_bytes
    tokens = work.batch * (shape.sequence or work.context)
    inner = (
        f"{tokens:,} tokens x (4 x {shape.hidden:,} hidden + 3 x {shape.intermediate:,} intermediate) x {width} bytes"
    )
    layer = tokens * (4 * shape.hidden + 3 * shape.intermediate) * width
    if shape.decodes:
        logits = work.batch * shape.vocab * LOGIT_BYTES
        return {f"{inner} + logits of {work.batch} x {shape.vocab:,} x {LOGIT_BYTES} bytes": layer + logits}
    moments = {inner: layer}
    if subject.spec and any(isinstance(placed.block, Head) for placed in subject.spec.placed):
        told = f"{tokens:,} tokens x ({shape.vocab:,} logits + {shape.hidden:,} hidden) x {width} bytes"
        moments[told] = tokens * (shape.vocab + shape.hidden) * width
    return moments


def peak_of(subject: Subject, work: Workload) -> Peak | None:
    """The peak of a model that is gone through; None for others.

    Raises:
        UsageError: an option that transformers, or what is modelled of it, does not have for this model.
    """
    spec, options = subject.spec, work.options
    if options.attn and options.attn not in ATTENTION:
        raise UsageError(f"--attn '{options.attn[:40]}' is not known.", f"One of: {', '.join(ATTENTION)}.")
    if options.cache and options.cache not in CACHES:
        raise UsageError(f"--cache '{options.cache[:40]}' is not known.", f"One of: {', '.join(CACHES)}.")
    if spec is None or not _told(spec):
        if options.attn or options.cache:
            whose = spec.name if spec else "a model of which only the size is known"
            raise UsageError(
                f"What --attn and --cache change is not modelled for {whose}.",
                "Leave them away: a general rule answers.",
            )
        return None
    from llmscale.runtimes.transformers.forward import plan_of
    from llmscale.runtimes.transformers.seq2seq import pair_of

    plan = plan_of(spec)
    if options.cache and not subject.shape.decodes:
        raise UsageError(f"{spec.name} is an encoder and keeps no cache.", "Leave --cache away.")
    if options.attn == "sdpa" and not plan.style.sdpa:
        raise UsageError(
            f"The class of {spec.name} in transformers {VERSION} does not support SDPA.",
            "Leave --attn away: it takes eager.",
        )
    if options.cache == "static" and pair_of(spec):
        raise UsageError(f"A static cache of {spec.name}, an encoder-decoder, is not modelled.", "Leave --cache away.")
    if options.attn == "flash_attention_2" and (plan.style.biased or plan.style.states_kept):
        raise UsageError(f"The class of {spec.name} has no FlashAttention-2.", "Take eager.")
    if options.attn == "flash_attention_2" and plan.latent:
        raise UsageError(f"FlashAttention-2 with the latent attention of {spec.name} is not modelled.", "Take sdpa.")
    plain = subject.quant is None or subject.quant.bits >= 16
    return _peak(
        spec,
        work.context,
        work.batch,
        work.activation_bytes,
        options.attn,
        static=options.cache == "static",
        plain=plain,
    )


@lru_cache(maxsize=64)
def _peak(spec: ModelSpec, context: int, batch: int, width: int, attn: str, *, static: bool, plain: bool) -> Peak:
    from llmscale.runtimes.transformers.encoder import towers_of
    from llmscale.runtimes.transformers.forward import settled, simulate
    from llmscale.runtimes.transformers.ops import Step

    step = Step(
        batch=batch,
        tokens=spec.sequence or context,
        past=0,
        source=context,
        width=width,
        eager=attn == "eager",
        flash=attn == "flash_attention_2",
        static=context if static else 0,
        copied_experts=width if plain else 0,
    )
    prompt, kept = simulate(spec, step), settled(spec, step)
    if towers_of(spec):
        return Peak("call", prompt, 0)
    if context > 1:
        answer = simulate(spec, step._replace(tokens=1, past=context - 1))
        if answer.peak > prompt.peak:
            return Peak("answer", answer, kept)
    return Peak("prompt", prompt, kept)


def _held(subject: Subject, work: Workload) -> int | None:
    """Bytes of recurrent states as the classes hold them; None where these are not gone through."""
    if subject.spec is None or not _told(subject.spec):
        return None
    from llmscale.runtimes.transformers.forward import plan_of, state_of
    from llmscale.runtimes.transformers.ops import Step

    return state_of(plan_of(subject.spec), Step(work.batch, 1, 0, work.activation_bytes))


def points_of(spec: ModelSpec, context: int = 0) -> tuple[tuple[int, int], ...]:
    """Contexts, and what one sequence has alive there besides weights and cache; empty where that is not modelled."""
    if not _told(spec):
        return ()
    contexts = sorted({*SAMPLED, context} - {0})
    peaks = [(at, _peak(spec, at, 1, WIDTH, "", static=False, plain=True)) for at in contexts]
    return tuple((at, found.tape.peak - found.settled) for at, found in peaks)


def between(points: tuple[tuple[int, int], ...], context: int) -> int:
    """The value at `context` on the lines between `points`, and on the last one beyond them; it never falls."""
    right = next((number for number, (known, _) in enumerate(points) if known >= context), len(points) - 1)
    (before, low), (after, high) = points[max(0, right - 1)], points[right]
    return low if after == before else max(low, low + (high - low) * (context - before) // (after - before))


def _told(spec: ModelSpec) -> bool:
    from llmscale.runtimes.transformers.forward import told

    return told(spec)


def _rule_lines(subject: Subject, work: Workload) -> Iterator[str]:
    formula, size = max(_ruled(subject, work).items(), key=lambda item: item[1])
    low, high = int(size * RULE_LOW), size * most_of(subject)
    yield (
        f"  compute = {formula} = {size:,} bytes, {low:,} to {high:,} (assumed: a general rule, this model's code is "
        f"not gone through; nearly all recorded rows lie below {most_of(subject)} times the rule)"
    )


def _basis_of(subject: Subject) -> str:
    from llmscale.runtimes.transformers.styles import compared

    spec = subject.spec
    if spec and compared(spec.text_family or spec.family):
        return f"modelled: transformers {VERSION}, its forward pass gone through"
    return f"modelled: as Llama in transformers {VERSION}, the code of this model was not compared"


def _peak_lines(found: Peak, work: Workload, sequence: int | None, basis: str) -> Iterator[str]:
    seen = f"a picture of {sequence:,} tokens" if sequence else f"{work.context:,} tokens"
    moments = {
        "prompt": f"a prompt of {work.batch} x {work.context:,} tokens",
        "answer": f"the last token of an answer that ends at {work.context:,}",
        "call": f"one call for {work.batch} x {seen}",
    }
    total = found.tape.peak - found.settled
    kept = f", of which {found.settled:,} stay as KV cache and state" if found.settled else ""
    yield (
        f"  compute = {total:,} bytes: at its widest, {moments[found.when]} has {found.tape.peak:,} bytes alive "
        f"besides the weights{kept} ({basis})"
    )
    terms = found.tape.moment
    for buffer in terms[:LISTED]:
        made = f" = {buffer.elements:,} x {buffer.width} bytes" if buffer.width > 1 else ""
        yield f"    {buffer.name}: {buffer.size:,}{made}"
    if rest := terms[LISTED:]:
        yield f"    {len(rest)} smaller tensors: {sum(buffer.size for buffer in rest):,}"
