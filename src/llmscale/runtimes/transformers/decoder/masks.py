"""Masks that a decoder makes once for all its layers."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.runtimes.transformers.attention.cache import seen
from llmscale.runtimes.transformers.attention.eager import by_hand
from llmscale.runtimes.transformers.decoder.model import Decoder
from llmscale.runtimes.transformers.ops import Step
from llmscale.runtimes.transformers.tape import Tape

#: The window of a mask that no layer uses, which is made of all tokens.
SPARE = 1


def make_masks(tape: Tape, step: Step, decoder: Decoder) -> frozenset[int | None]:
    """Masks that the model makes; the windows whose layers are given one."""
    made = list(_masked(step, decoder))
    for window in made:
        _mask(tape, step, window, numbers=by_hand(step, decoder.style))
    return frozenset(made)


def _masked(step: Step, decoder: Decoder) -> Iterator[int | None]:
    """Windows of which a mask is made: SDPA needs none where a prompt is all that a layer sees."""
    style = decoder.style
    if step.flash:
        return
    always = by_hand(step, style) or style.masked
    yield from (window for window in decoder.windows if always or (window and seen(window, step) >= window))
    if style.spare_mask:
        yield SPARE


def _mask(tape: Tape, step: Step, window: int | None, *, numbers: bool) -> None:
    rows = step.seen if window == SPARE else seen(window, step)
    causal = tape.new("mask", step.masks * step.tokens * rows, 1)
    if window:
        tape.free(tape.new("mask of the window", 2 * step.masks * step.tokens * rows, 1))
    if numbers:
        tape.new("mask", step.batch * step.tokens * rows, step.width)
        tape.free(causal)
