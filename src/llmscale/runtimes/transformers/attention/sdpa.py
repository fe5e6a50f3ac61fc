"""``scaled_dot_product_attention``, as ``integrations/sdpa_attention.py`` calls it.

Of its kernels, flash attention is taken where there is no mask and heads of Q, K and V are equal and up to 256 wide,
else the memory-efficient one. FlashAttention-2 itself allocates the same as the former.
"""

from __future__ import annotations

from llmscale.model.blocks.attention import Attention
from llmscale.runtimes.transformers.attention.heads import Heads, repeated
from llmscale.runtimes.transformers.ops import FP32, Step
from llmscale.runtimes.transformers.tape import Tape

#: The widest head that SDPA's flash kernel takes.
FLASH_HEAD = 256
#: Columns that the memory-efficient kernel wants a mask's rows to be a multiple of.
MASK_COLUMNS = 16


def sdpa(
    tape: Tape,
    step: Step,
    block: Attention,
    size: Heads,
    rows: int,
    *,
    masked: bool,
    joined: bool = False,
    biases: int = 0,
    ordered: bool = False,
) -> None:
    """What attention makes is on the tape, while the caller's function lasts.

    Args:
        rows: tokens of one sequence that are attended to.
        biases: elements of a mask that is biases of positions, numbers already; put in order if not `ordered`.
        joined: whether Q is a concatenation, which lies by heads; so does what flash makes of it, and is copied.
    """
    mark = tape.mark()
    masked = masked and not step.flash
    flash = step.flash or (not masked and size.out == size.q and block.head_dim <= FLASH_HEAD)
    # Given a mask, one query is packed by the heads that share K and V; more have these repeated.
    if block.heads // block.kv_heads > 1 and not (step.grouped and (flash or step.tokens == 1)):
        repeated(tape, step, block, size, rows)
    if biases:
        _take_biases(tape, step, rows, biases, ordered=ordered)
    elif masked:
        _take_mask(tape, step, rows)
    out = tape.new("attention", step.rows * size.out, step.width)
    if flash:
        tape.free(tape.new("log of sums", step.rows * block.heads, FP32))
        if joined and step.tokens > 1:
            by_token = tape.new("attention by token", step.rows * size.out, step.width)
            tape.free(out)
            out = by_token
    tape.leave(mark, out)


def _take_biases(tape: Tape, step: Step, rows: int, biases: int, *, ordered: bool) -> None:
    if not ordered:
        tape.new("biases in order", biases, step.width)
    if rows % MASK_COLUMNS:
        tape.new("padded biases", biases // rows * padded(rows), step.width)


def _take_mask(tape: Tape, step: Step, rows: int) -> None:
    numbers = tape.new("mask as numbers", step.rows * rows, step.width)
    if rows % MASK_COLUMNS:
        tape.new("padded mask", step.rows * padded(rows), step.width)
        tape.free(numbers)


def padded(rows: int) -> int:
    """Columns of a mask of so many tokens as the kernel takes it."""
    return -(-rows // MASK_COLUMNS) * MASK_COLUMNS
