"""Masks by hand: what is alive while they are made, and what stays."""

from __future__ import annotations

import pytest

from llmscale.runtimes.transformers.decoder.masks import make_masks
from llmscale.runtimes.transformers.decoder.model import decoder_of
from llmscale.runtimes.transformers.ops import Step
from llmscale.runtimes.transformers.tape import Tape
from tests.runtimes.transformers.test_forward import model

TOKENS = 1024


@pytest.mark.parametrize(("step", "made"), [(Step(4, TOKENS, 0, 2), 1), (Step(4, TOKENS, 0, 2, static=TOKENS), 4)])
def test_a_mask_of_a_window_is_two_comparisons_of_all_pairs_and_what_both_say(step: Step, made: int) -> None:
    """A byte for each pair of tokens, of which a prompt has all; a static cache has a mask for each sequence."""
    tape = Tape()
    windows = make_masks(tape, step, decoder_of(model(model_type="mistral", sliding_window=256)))
    assert windows == {256}
    assert tape.peak == made * 3 * TOKENS * TOKENS
    assert tape.live == made * TOKENS * TOKENS


def test_a_mask_of_all_tokens_is_made_at_once() -> None:
    """Numbers in the model's width, for each sequence, where attention is not fused; they are made of the mask."""
    tape = Tape()
    assert make_masks(tape, Step(4, TOKENS, 0, 2, eager=True), decoder_of(model())) == {None}
    assert tape.peak == (1 + 4 * 2) * TOKENS * TOKENS
    assert tape.live == 4 * 2 * TOKENS * TOKENS
