"""DeBERTa's attention, which adds scores of relative positions: ``DisentangledSelfAttention``."""

from __future__ import annotations

from llmscale.model.blocks.attention import Attention
from llmscale.runtimes.transformers.ops import INT64, Step
from llmscale.runtimes.transformers.tape import Buffer, Tape


def disentangled(tape: Tape, step: Step, block: Attention, buckets: int) -> Buffer:
    """``DisentangledSelfAttention.forward``, with `buckets` relative positions: the block's output."""
    mark, n, width = tape.mark(), step.rows * block.heads * block.head_dim, step.width
    pairs = step.tokens * step.tokens
    scores = [_content_scores(tape, step, block)]
    relative = [_relative_scores(tape, step, block, buckets)] if buckets else []
    if relative:
        added = tape.new("sum of scores", step.batch * block.heads * pairs, width)
        tape.free(*scores)
        scores = [added]
    tape.new("mask", step.batch * pairs, 1)
    masked = tape.new("masked scores", step.batch * block.heads * pairs, width)
    tape.free(*scores)
    tape.new("softmax", step.batch * block.heads * pairs, width)
    made = tape.new("attention", n, width)
    tape.new("attention by token", n, width)
    tape.free(made, masked, *relative)
    out = tape.new("attention output", n, width)
    tape.leave(mark, out)
    return out


def _content_scores(tape: Tape, step: Step, block: Attention) -> Buffer:
    """Q times K; these and V stay."""
    n = step.rows * block.heads * block.head_dim
    for name in "QKV":
        raw = tape.new(f"{name} by token", n, step.width)
        tape.new(name, n, step.width)
        tape.free(raw)
    scaled = tape.new("scaled K", n, step.width)
    scores = tape.new("scores", step.batch * block.heads * step.tokens * step.tokens, step.width)
    tape.free(scaled)
    return scores


def _relative_scores(tape: Tape, step: Step, block: Attention, buckets: int) -> Buffer:
    """``disentangled_attention_bias``: content to position, then position to content, added to it."""
    mark, heads = tape.mark(), step.batch * block.heads
    for name in "QK":
        tape.new(f"{name} of relative positions", heads * buckets * block.head_dim, step.width)
    first = _one_way(tape, step, heads, buckets, "content to position")
    total = tape.new("relative scores", heads * step.tokens * step.tokens, step.width)
    tape.free(first)
    tape.free(_one_way(tape, step, heads, buckets, "position to content"))
    tape.leave(mark, total)
    return total


def _one_way(tape: Tape, step: Step, heads: int, buckets: int, name: str) -> Buffer:
    """Scores of all positions, of which those of each pair are gathered and scaled."""
    pairs = step.tokens * step.tokens
    shifted = tape.new("shifted positions", pairs, INT64)
    tape.new(f"places of {name}", pairs, INT64)
    tape.free(shifted)
    wide = tape.new(f"{name}, all positions", heads * step.tokens * buckets, step.width)
    tape.new(name, heads * pairs, step.width)
    tape.free(wide)
    return tape.new(f"{name}, scaled", heads * pairs, step.width)
