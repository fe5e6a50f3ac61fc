"""The moment at which most is alive: a prompt, the last token of an answer, or the one call of an encoder.

Bytes of a batch without padding, greedy, in ``torch.no_grad``: traced line by line in `forward`. The KV cache is what
stays of the moment; all else that is alive is compute.
"""

from __future__ import annotations

from functools import lru_cache

from llmscale.errors import UsageError
from llmscale.model.spec import ModelSpec
from llmscale.records import NamedTuple
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.subject import Exact
from llmscale.runtimes.transformers.decoder.cache import state_of
from llmscale.runtimes.transformers.decoder.model import decoder_of
from llmscale.runtimes.transformers.encoder.tower import towers_of
from llmscale.runtimes.transformers.forward import is_traced, settled, simulate
from llmscale.runtimes.transformers.ops import Step
from llmscale.runtimes.transformers.seq2seq import pair_of
from llmscale.runtimes.transformers.styles import style_of
from llmscale.runtimes.transformers.tape import Tape


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
        """Bytes that are alive then and do not stay."""
        return self.tape.peak - self.settled


def peak_of(subject: Exact, work: Workload) -> Peak | None:
    """The peak of a model that is traced; None for others.

    Raises:
        UsageError: an option that transformers, or what is modelled of it, does not have for this model.
    """
    spec, attn, cache = subject.spec, work.option("attn") or "", work.option("cache")
    if not is_traced(spec):
        if attn or cache:
            raise UsageError(
                f"What --attn and --cache change is not modelled for {spec.name}.",
                "Leave them away: a general rule answers.",
            )
        return None
    _refuse(subject, attn, cache)
    return traced(
        spec,
        work.context,
        work.batch,
        work.activation_bytes,
        attn,
        static=cache == "static",
        plain=subject.quant.bits >= 16,
    )


def _refuse(subject: Exact, attn: str, cache: str | None) -> None:
    """Raises:
    UsageError: what the class of the model does not have.
    """
    spec, style = subject.spec, style_of(subject.spec)
    if cache and not subject.widths.decodes:
        raise UsageError(f"{spec.name} is an encoder and keeps no cache.", "Leave --cache away.")
    if attn == "sdpa" and not style.sdpa:
        raise UsageError(
            f"The class of {spec.name} in transformers does not support SDPA.",
            "Leave --attn away: it takes eager.",
        )
    if cache == "static" and pair_of(spec):
        raise UsageError(f"A static cache of {spec.name}, an encoder-decoder, is not modelled.", "Leave --cache away.")
    if attn == "flash_attention_2" and (style.biased or style.states_kept):
        raise UsageError(f"The class of {spec.name} has no FlashAttention-2.", "Take eager.")
    if attn == "flash_attention_2" and decoder_of(spec).latent:
        raise UsageError(f"FlashAttention-2 with the latent attention of {spec.name} is not modelled.", "Take sdpa.")


@lru_cache(maxsize=256)
def traced(spec: ModelSpec, context: int, batch: int, width: int, attn: str, *, static: bool, plain: bool) -> Peak:
    """The larger of the prompt, with the whole context as one, and the last token of an answer that ends there.

    Args:
        width: bytes of an activation.
        plain: whether the weights are in 16 bits or more, so that experts are multiplied with as they are.
    """
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


def held_state(subject: Exact, work: Workload) -> int | None:
    """Bytes of recurrent states as the classes hold them; None for a model without, and where these are not traced."""
    if not subject.widths.states or not is_traced(subject.spec):
        return None
    return state_of(decoder_of(subject.spec), Step(work.batch, 1, 0, work.activation_bytes))
