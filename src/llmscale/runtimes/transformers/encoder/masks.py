"""What an encoder's attention is given besides Q, K and V: masks, and biases of positions.

Of a batch without padding no mask is made but by DeBERTa, by ModernBERT for its windows, and by Pixtral, which has all
pictures in one sequence.
"""

from __future__ import annotations

from llmscale.model.classes.style import Habit
from llmscale.runtimes.transformers.attention.eager import by_hand
from llmscale.runtimes.transformers.encoder.tower import Tower
from llmscale.runtimes.transformers.ops import INT64, Step
from llmscale.runtimes.transformers.tape import Tape


def make_mask(tape: Tape, step: Step, style: Habit, tower: Tower) -> bool:
    """Whether SDPA is given a mask, which is then on the tape."""
    pairs = step.tokens * step.tokens
    if style.states_kept:
        tape.new("mask of pairs", step.batch * pairs, INT64)
        if tower.buckets:
            tape.new("relative positions", pairs, INT64)
            tape.new("normed relative positions", tower.buckets * tower.hidden, step.width)
        return True
    if style.joined:
        tape.new("mask of pictures", pairs, step.width)
        return True
    if style.biased:
        _biases(tape, step, tower)
        return True
    if not style.masked or step.flash:
        return False
    _windows(tape, step, numbers=by_hand(step, style))
    return True


def _biases(tape: Tape, step: Step, tower: Tower) -> None:
    """``compute_bias`` of T5: buckets of all distances in integers, then one bias of each head."""
    pairs = step.tokens * step.tokens
    given = tape.new("normed input, Q, K and V of the first layer", 4 * step.rows * tower.hidden, step.width)
    whole = [tape.new(f"buckets of positions, {number} of 6", pairs, INT64) for number in range(1, 7)]
    whole.append(tape.new("short distances", pairs, 1))
    tape.free(*whole[1:])
    tape.new("biases of positions", pairs * tower.first.attention.heads, step.width)
    tape.free(whole[0], given)


def _windows(tape: Tape, step: Step, *, numbers: bool) -> None:
    """ModernBERT's: whether two tokens are near enough, and that as numbers for single operations."""
    pairs = step.tokens * step.tokens
    differences = [tape.new(name, pairs, INT64) for name in ("distances with their sign", "distances")]
    tape.free(*differences)
    causal = tape.new("mask", step.batch * pairs, 1)
    if numbers:
        tape.new("mask", step.batch * pairs, step.width)
        tape.free(causal)
