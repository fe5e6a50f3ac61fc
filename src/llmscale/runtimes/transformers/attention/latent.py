"""Latent attention: ``DeepseekV3Attention``, and ``DeepseekV32Indexer`` that chooses what it attends to.

The cache holds the latent; K and V of all heads are made of it at each step.
"""

from __future__ import annotations

from llmscale.model.blocks.attention import Indexer, LatentAttention
from llmscale.model.classes.style import Habit
from llmscale.runtimes.transformers.attention.cache import grown, seen
from llmscale.runtimes.transformers.attention.eager import by_hand, softmaxed
from llmscale.runtimes.transformers.attention.rotary import rotate
from llmscale.runtimes.transformers.ops import FP32, Step, norm
from llmscale.runtimes.transformers.tape import Buffer, Tape


def attend_latent(
    tape: Tape, step: Step, block: LatentAttention, style: Habit, indexer: Indexer | None = None
) -> Buffer:
    """``DeepseekV3Attention.forward``: the block's output; what it caches stays, and scores, which the layer holds."""
    mark, n, width, rows = tape.mark(), step.rows, step.width, seen(None, step)
    head, made = block.nope + block.rope, step.batch * rows * block.heads
    _project_q(tape, step, block)
    keys, values = _grow_latent(tape, step, block)
    tape.new("Q of both parts", n * block.heads * head, width)
    tape.new("K and V of the latent", made * (block.nope + block.v_head), width)
    tape.new("K of all heads", made * head, width)
    if indexer:
        # The caller's cache counts it.
        tape.new("cached keys of the indexer", step.batch * rows * indexer.head_dim, width)
        _score(tape, step, indexer, rows)
        for name in ("chosen tokens", "mask of the chosen"):
            tape.new(name, n * rows, 1)
    scores = []
    if by_hand(step, style):
        scores = [_attend_by_hand(tape, step, block, style, rows)]
    else:
        if indexer:
            tape.new("mask as numbers", n * rows, width)
        tape.new("attention", n * block.heads * block.v_head, width)
    out = tape.new("attention output", n * block.hidden, width)
    tape.leave(mark, out, keys, values, *scores)
    return out


def _project_q(tape: Tape, step: Step, block: LatentAttention) -> None:
    """Q of all heads, by way of a lower rank where the block has one."""
    n, whole = step.rows, step.rows * block.heads * (block.nope + block.rope)
    if not block.q_rank:
        tape.new("Q", whole, step.width)
        return
    low = tape.new("low-rank Q", n * block.q_rank, step.width)
    normed = norm(tape, "normed low-rank Q", n * block.q_rank, block.q_rank, step, "rms")
    tape.free(low)
    tape.new("Q", whole, step.width)
    tape.free(normed)


def _grow_latent(tape: Tape, step: Step, block: LatentAttention) -> tuple[Buffer, Buffer]:
    """The cached latent and rotated K, with those of the step."""
    n, width = step.rows, step.width
    tape.new("latent", n * (block.kv_rank + block.rope), width)
    latent = norm(tape, "normed latent", n * block.kv_rank, block.kv_rank, step, "rms")
    rotate(tape, "Q", n * block.heads * block.rope, width)
    k = rotate(tape, "K", n * block.rope, width)
    return grown(tape, step, None, (block.kv_rank, block.rope), (latent, k))


def _attend_by_hand(tape: Tape, step: Step, block: LatentAttention, style: Habit, rows: int) -> Buffer:
    """The scores after the softmax; what attention makes of them is on the tape too."""
    n, head = step.rows, block.nope + block.rope
    scores = softmaxed(tape, step, style, (block.heads, rows), block.heads * head)
    if step.batch > 1:
        tape.new("V in order", step.batch * rows * block.heads * block.v_head, step.width)
    first = tape.new("attention", n * block.heads * block.v_head, step.width)
    tape.new("attention by token", n * block.heads * block.v_head, step.width)
    tape.free(first)
    return scores


def _score(tape: Tape, step: Step, block: Indexer, rows: int) -> None:
    """``DeepseekV32Indexer.forward``: every head's score of every token, in FP32."""
    mark, n = tape.mark(), step.rows * block.heads * block.head_dim
    tape.new("Q of the indexer", n, step.width)
    tape.new("rotated Q of the indexer", n, step.width)
    single = tape.new("Q of the indexer in FP32", n, FP32)
    scores = step.rows * block.heads * rows
    # One key for all heads is spread over all queries before the product, if there are several sequences.
    spread = step.rows * block.head_dim * rows if step.batch > 1 and step.tokens > 1 else 0
    keys = tape.new("keys of every query", spread, FP32)
    first = tape.new("scores of the indexer", scores, FP32)
    tape.free(single, keys)
    scaled = tape.new("scaled scores of the indexer", scores, FP32)
    tape.free(first)
    tape.new("positive scores of the indexer", scores, FP32)
    tape.free(scaled)
    tape.new("index scores", step.rows * rows, FP32)
    tape.new("masked index scores", step.rows * rows, FP32)
    tape.leave(mark)
