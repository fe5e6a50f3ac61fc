"""``--attn`` and ``--cache``: what there is, and for which models it is refused."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.errors import UsageError
from llmscale.model.spec import ModelSpec
from llmscale.runtimes.interface import Options, Subject
from llmscale.runtimes.transformers import VERSION

ATTENTION = ("sdpa", "eager", "flash_attention_2")
CACHES = ("dynamic", "static")


def check_names(options: Options) -> None:
    """See that transformers has what is named.

    Raises:
        UsageError: it does not.
    """
    if options.attn and options.attn not in ATTENTION:
        raise UsageError(f"--attn '{options.attn[:40]}' is not known.", f"One of: {', '.join(ATTENTION)}.")
    if options.cache and options.cache not in CACHES:
        raise UsageError(f"--cache '{options.cache[:40]}' is not known.", f"One of: {', '.join(CACHES)}.")


def check_untraced(spec: ModelSpec | None, options: Options) -> None:
    """See that nothing is asked of a model that is not traced.

    Raises:
        UsageError: an option is.
    """
    if options.attn or options.cache:
        whose = spec.name if spec else "a model of which only the size is known"
        raise UsageError(
            f"What --attn and --cache change is not modelled for {whose}.", "Leave them away: a general rule answers."
        )


def check_traced(spec: ModelSpec, subject: Subject, options: Options) -> None:
    """See that the class of a traced model takes the options, and that this is modelled.

    Raises:
        UsageError: it does not, or is not.
    """
    if options.attn or options.cache:
        for message, hint in _refusals(spec, options, decodes=subject.shape.decodes):
            raise UsageError(message, hint)


def _refusals(spec: ModelSpec, options: Options, *, decodes: bool) -> Iterator[tuple[str, str]]:
    """Why not, and what to do, by the class of the model."""
    from llmscale.runtimes.transformers.decoder.model import decoder_of
    from llmscale.runtimes.transformers.seq2seq import pair_of
    from llmscale.runtimes.transformers.styles import style_of

    style, flash = style_of(spec), options.attn == "flash_attention_2"
    if options.cache and not decodes:
        yield f"{spec.name} is an encoder and keeps no cache.", "Leave --cache away."
    if options.attn == "sdpa" and not style.sdpa:
        yield (
            f"The class of {spec.name} in transformers {VERSION} does not support SDPA.",
            "Leave --attn away: it takes eager.",
        )
    if options.cache == "static" and pair_of(spec):
        yield f"A static cache of {spec.name}, an encoder-decoder, is not modelled.", "Leave --cache away."
    if flash and (style.biased or style.states_kept):
        yield f"The class of {spec.name} has no FlashAttention-2.", "Take eager."
    if flash and decoder_of(spec).latent:
        yield f"FlashAttention-2 with the latent attention of {spec.name} is not modelled.", "Take sdpa."
