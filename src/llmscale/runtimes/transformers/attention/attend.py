"""One attention block of a layer: projections, rotary positions, the cache's growth, attention, output.

After ``LlamaAttention.forward`` and its like.
"""

from __future__ import annotations

from llmscale.model.blocks.attention import Attention
from llmscale.model.classes.style import Habit
from llmscale.runtimes.transformers.attention.cache import grown, seen
from llmscale.runtimes.transformers.attention.eager import attend_by_hand, by_hand
from llmscale.runtimes.transformers.attention.heads import Heads, heads_of, projected, together
from llmscale.runtimes.transformers.attention.rotary import rotate, rotated
from llmscale.runtimes.transformers.attention.sdpa import sdpa
from llmscale.runtimes.transformers.ops import Step, norm
from llmscale.runtimes.transformers.tape import Buffer, Tape


def attend(tape: Tape, step: Step, block: Attention, style: Habit, share: float, masked: bool) -> Buffer:
    """The block's output. What it is given is the caller's; what it caches stays, and scores, which the layer holds.

    Args:
        share: of a head that rotates.
        masked: whether it is given a mask.
    """
    mark, n, width, size = tape.mark(), step.rows, step.width, heads_of(block)
    if not block.owns_kv:
        return _borrow(tape, step, block, style, size, masked=masked)
    whole = together(tape, step, block, size)
    q, k, v = projected(tape, step, block, style, size, whole)
    if style.rotary != "none":
        turned = rotated(tape, step, size, style, share, int(block.head_dim * share))
        if not style.rope_open:
            tape.free(*({q, k} - {whole}))
        q, k = turned
    # What was projected together stays: V is a view of it.
    keys, values = grown(tape, step, block.window, (size.k, size.v), {k, v} - {whole})
    joined = style.rotary != "none" and (share != 1 or style.rope_open)
    scores = _mix(tape, step, block, style, size, masked=masked, joined=joined)
    if block.query_gate:
        tape.new("sigmoid of the gate", n * size.out, width)
        tape.new("gated attention", n * size.out, width)
    out = tape.new("attention output", n * block.hidden, width)
    tape.leave(mark, out, keys, values, *scores)
    return out


def _borrow(tape: Tape, step: Step, block: Attention, style: Habit, size: Heads, *, masked: bool) -> Buffer:
    """Attention of Gemma 4 to the K and V of an earlier layer, which the caller's cache counts."""
    mark, n = tape.mark(), step.rows
    raw = tape.new("Q", n * size.q, step.width)
    normed = norm(tape, "normed Q", n * size.q, block.head_dim, step, style.norm)
    tape.free(raw)
    rotate(tape, "Q", n * size.q, step.width)
    tape.free(normed)
    scores = _mix(tape, step, block, style, size, masked=masked, joined=False)
    out = tape.new("attention output", n * block.hidden, step.width)
    tape.leave(mark, out, *scores)
    return out


def _mix(
    tape: Tape, step: Step, block: Attention, style: Habit, size: Heads, *, masked: bool, joined: bool
) -> list[Buffer]:
    """Attention to all that is seen; the scores, where there are some."""
    rows = seen(block.window, step)
    if by_hand(step, style):
        return [attend_by_hand(tape, step, block, style, size, rows)]
    sdpa(tape, step, block, size, rows, masked=masked, joined=joined)
    return []


def attend_all(tape: Tape, step: Step, block: Attention, style: Habit, *, masked: bool = False) -> Buffer:
    """Attention without a cache: the block's output, while the layer holds its scores."""
    mark, size = tape.mark(), heads_of(block)
    whole = together(tape, step, block, size)
    q, k, _ = projected(tape, step, block, style, size, whole)
    if style.rotary != "none":
        rotated(tape, step, size, style, 1, block.head_dim)
        tape.free(*({q, k} - {whole}))
    scores: list[Buffer] = []
    if by_hand(step, style):
        scores = [attend_by_hand(tape, step, block, style, size, step.tokens, masked=masked)]
    else:
        biases = step.tokens * step.tokens * (block.heads if style.biased else style.joined)
        ordered = style.tabled or style.joined
        sdpa(tape, step, block, size, step.tokens, masked=masked, biases=biases, ordered=ordered)
    out = tape.new("attention output", step.rows * block.hidden, step.width)
    tape.leave(mark, out, *scores)
    return out
