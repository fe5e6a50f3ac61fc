"""Attention by single operations: each family's ``eager_attention_forward``, and scores up to after the softmax."""

from __future__ import annotations

from llmscale.model.blocks.attention import Attention
from llmscale.model.classes.style import Habit
from llmscale.runtimes.transformers.attention.heads import Heads, repeated
from llmscale.runtimes.transformers.ops import FP32, Step
from llmscale.runtimes.transformers.tape import Buffer, Tape

#: Ways (`Habit.scores`) that scale the scores where they stand, or in the product itself.
UNCOPIED = frozenset({"inplace", "product"})


def by_hand(step: Step, style: Habit) -> bool:
    """Whether attention is single operations."""
    return step.eager or not (style.sdpa or step.flash)


def attend_by_hand(
    tape: Tape, step: Step, block: Attention, style: Habit, size: Heads, rows: int, *, masked: bool = True
) -> Buffer:
    """The scores after the softmax, which the layer holds; what attention makes of them is on the tape too."""
    mark, width = tape.mark(), step.width
    if block.heads > block.kv_heads:
        repeated(tape, step, block, size, rows)
    # Views of one head shared by all are copied for each product over several sequences.
    views = step.batch * rows * block.heads if block.kv_heads == 1 < block.heads and step.batch > 1 else 0
    soft = softmaxed(tape, step, style, (block.heads, rows), size.q, views * block.head_dim, masked=masked)
    if views:
        tape.new("V in order", views * (size.v // block.kv_heads), width)
    made = tape.new("attention", step.rows * size.out, width)
    by_token = tape.new("attention by token", step.rows * size.out, width)
    tape.free(made)
    tape.leave(mark, by_token, soft)
    return soft


def softmaxed(
    tape: Tape, step: Step, style: Habit, shape: tuple[int, int], q: int, k: int = 0, *, masked: bool = True
) -> Buffer:
    """Scores of every head (`shape`: heads, tokens) from the product of Q and K to after the softmax.

    Args:
        q: elements of Q of one token.
        k: elements that the product copies of K.
        masked: whether a mask is added.
    """
    heads, rows = shape
    n, width = step.rows * heads * rows, step.width
    if style.scores == "single":
        return _in_fp32(tape, step, n, (step.rows * q, step.batch * rows * q))
    scores = _product(tape, step, n, q, k)
    if style.scores not in UNCOPIED:
        scaled = tape.new("scaled scores", n, width)
        tape.free(scores)
        scores = scaled
    if style.scores == "alibi":
        return _alibi(tape, n, width, scores)
    hidden = tape.new("masked scores", n, width) if masked else scores
    if masked and style.scores not in UNCOPIED:
        tape.free(scores)
    if style.scores == "sinks":
        return _with_sinks(tape, n + step.rows * heads, width, hidden)
    if style.scores in ("native", "inplace") or width == FP32:
        soft = tape.new("softmax", n, width)
        tape.free(hidden, scores)
        return soft
    return _softmax_in_fp32(tape, n, width, hidden)


def _product(tape: Tape, step: Step, n: int, q: int, k: int) -> Buffer:
    """Q times K."""
    # Several sequences' heads are not evenly spaced in Q, so the product copies it.
    copies = [tape.new("Q in order", step.rows * q, step.width)] if step.batch > 1 and step.tokens > 1 else []
    if k:
        copies.append(tape.new("K in order", k, step.width))
    scores = tape.new("scores", n, step.width)
    tape.free(*copies)
    return scores


def _softmax_in_fp32(tape: Tape, n: int, width: int, hidden: Buffer) -> Buffer:
    """``softmax(scores, dtype=float32).to(dtype)``."""
    single = tape.new("scores in FP32", n, FP32)
    wide = tape.new("softmax in FP32", n, FP32)
    tape.free(single)
    soft = tape.new("softmax", n, width)
    tape.free(wide, hidden)
    return soft


def _with_sinks(tape: Tape, n: int, width: int, hidden: Buffer) -> Buffer:
    """gpt-oss's: a score more for every head, and all less their largest."""
    joined = tape.new("scores and sinks", n, width)
    shifted = tape.new("scores less their largest", n, width)
    tape.free(joined)
    soft = tape.new("softmax", n, width)
    tape.free(shifted, hidden)
    return soft


def _alibi(tape: Tape, n: int, width: int, scores: Buffer) -> Buffer:
    """``MptAttention``: biases in FP32 make scores FP32."""
    biased = tape.new("biased scores", n, FP32)
    tape.free(scores)
    masked = tape.new("masked scores", n, FP32)
    tape.free(biased)
    wide = tape.new("softmax in FP32", n, FP32)
    soft = tape.new("softmax", n, width)
    tape.free(wide, masked)
    return soft


def _in_fp32(tape: Tape, step: Step, n: int, given: tuple[int, int]) -> Buffer:
    """``GPTJAttention._attn``: Q and K in FP32, and all that becomes of them up to the softmax."""
    wide = [tape.new(f"{name} in FP32", size, FP32) for name, size in zip("QK", given, strict=True)]
    ordered = []
    if step.batch > 1 and step.tokens > 1:
        ordered = [tape.new(f"{name} in order", size, FP32) for name, size in zip("QK", given, strict=True)]
    scores = tape.new("scores", n, FP32)
    tape.free(*ordered)
    for name in ("scaled scores", "masked scores", "softmax in FP32"):
        after = tape.new(name, n, FP32)
        tape.free(scores)
        scores = after
    if step.width != FP32:
        soft = tape.new("softmax", n, step.width)
        tape.free(scores)
        scores = soft
    tape.free(*wide)
    return scores
