"""The moment of a forward pass at which most is alive.

It is the larger of two: the prompt, with the whole context as one, and the last token of an answer that ends there. The
KV cache is what stays of it; all else that is alive at that moment is compute. Both are of a batch without padding,
greedy, in ``torch.no_grad``. An encoder is called once, an encoder-decoder sees the whole context with its encoder and
answers as long. Catalogue models of which only the shape is at hand lie on lines between points: contexts at which they
were traced.

What traces is imported where it is needed: most questions are about points or bare sizes.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from llmscale.runtimes.interface import Subject, Workload
from llmscale.runtimes.transformers.options import check_names, check_traced, check_untraced

if TYPE_CHECKING:
    from llmscale.model.spec import ModelSpec
    from llmscale.runtimes.transformers.tape import Tape

#: Contexts at which a model is traced for the compiled catalogue, and the bytes of an activation there.
SAMPLED = (1, 512, 2048, 8192, 32_768, 131_072, 1_048_576)
WIDTH = 2


class Peak(NamedTuple):
    """The moment at which most is alive.

    Attributes:
        when: ``prompt``, ``answer``, or ``call`` of an encoder.
        settled: bytes of the cache and of states that stay once the answer goes on.
    """

    when: str
    tape: Tape
    settled: int

    @property
    def compute(self) -> int:
        """Bytes that are alive besides weights, cache and states."""
        return self.tape.peak - self.settled


def traced_spec(subject: Subject) -> ModelSpec | None:
    """The model, if its code is traced."""
    if subject.spec is None or not subject.spec.shape_known:
        return None
    from llmscale.runtimes.transformers.forward import is_traced

    return subject.spec if is_traced(subject.spec) else None


def peak_of(subject: Subject, work: Workload) -> Peak | None:
    """The peak of a model that is traced; None for others.

    Raises:
        UsageError: an option that transformers, or what is modelled of it, does not have for this model.
    """
    options = work.options
    check_names(options)
    spec = traced_spec(subject)
    if spec is None:
        check_untraced(subject.spec, options)
        return None
    check_traced(spec, subject, options)
    plain = subject.quant is None or subject.quant.bits >= 16
    static = options.cache == "static"
    return _peak(spec, work.context, work.batch, work.activation_bytes, options.attn, static=static, plain=plain)


@lru_cache(maxsize=64)
def _peak(spec: ModelSpec, context: int, batch: int, width: int, attn: str, *, static: bool, plain: bool) -> Peak:
    """The peak of a step with the whole context, and of one with its last token."""
    from llmscale.runtimes.transformers.encoder.tower import towers_of
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
    prompt = simulate(spec, step)
    if towers_of(spec):
        return Peak("call", prompt, 0)
    kept = settled(spec, step)
    if context > 1:
        answer = simulate(spec, step._replace(tokens=1, past=context - 1))
        if answer.peak > prompt.peak:
            return Peak("answer", answer, kept)
    return Peak("prompt", prompt, kept)


def state_of(subject: Subject, work: Workload) -> int | None:
    """Bytes of recurrent states as the classes hold them; None where there are none, or the model is not traced."""
    spec = traced_spec(subject) if subject.shape.states else None
    if spec is None:
        return None
    from llmscale.runtimes.transformers.decoder.cache import state_of
    from llmscale.runtimes.transformers.decoder.model import decoder_of
    from llmscale.runtimes.transformers.ops import Step

    return state_of(decoder_of(spec), Step(work.batch, 1, 0, work.activation_bytes))


def points_of(spec: ModelSpec, context: int = 0) -> tuple[tuple[int, int], ...]:
    """Contexts, and what one sequence has alive there besides weights and cache; empty where that is not traced.

    Args:
        context: one more than those that are compiled for all models.
    """
    from llmscale.runtimes.transformers.forward import is_traced

    if not is_traced(spec):
        return ()
    contexts = sorted({*SAMPLED, context} - {0})
    return tuple((at, _peak(spec, at, 1, WIDTH, "", static=False, plain=True).compute) for at in contexts)


def between(points: tuple[tuple[int, int], ...], context: int) -> int:
    """The value at `context` on the lines between `points`, and on the last one beyond them; it never falls."""
    right = next((number for number, (known, _) in enumerate(points) if known >= context), len(points) - 1)
    (before, low), (after, high) = points[max(0, right - 1)], points[right]
    return low if after == before else max(low, low + (high - low) * (context - before) // (after - before))
