"""One attention block of a layer: projections, rotary positions, the cache's growth, attention, output.

After ``LlamaAttention.forward`` and its like, ``DynamicLayer``, ``DynamicSlidingWindowLayer`` and ``StaticLayer`` of
``cache_utils.py``, ``sdpa_attention_forward`` of ``integrations/sdpa_attention.py`` and each family's
``eager_attention_forward``. Of SDPA's kernels, flash attention is taken where there is no mask and heads of Q, K and V
are equal and up to 256 wide, else the memory-efficient one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from llmscale.model.blocks.attention import Attention, Indexer, LatentAttention
from llmscale.model.spec import CacheShape
from llmscale.runtimes.transformers.ops import (
    FP32,
    INT64,
    Step,
    norm,
    rotate,
    rotate_complex,
    rotate_float,
    rotate_wide,
)
from llmscale.runtimes.transformers.styles import Style
from llmscale.runtimes.transformers.tape import Buffer, Tape

#: The widest head that SDPA's flash kernel takes.
FLASH_HEAD = 256
#: Columns that the memory-efficient kernel wants a mask's rows to be a multiple of.
MASK_COLUMNS = 16


class Heads(NamedTuple):
    """Elements of one token: queries, keys and values of all heads, and what attention makes of them."""

    q: int
    k: int
    v: int
    out: int


def heads_of(block: Attention) -> Heads:
    v_dim = block.v_head_dim or block.head_dim
    return Heads(
        block.heads * block.head_dim, block.kv_heads * block.head_dim, block.kv_heads * v_dim, block.heads * v_dim
    )


def by_hand(step: Step, style: Style) -> bool:
    """Whether attention is single operations."""
    return step.eager or not (style.sdpa or step.flash)


def stored(window: int | None, step: Step) -> int:
    """Tokens of one sequence whose K and V a layer has stored before the step.

    A window keeps one token less than it is wide, as a view of all that it was cut from: after the prompt of all of it,
    later of one step's concatenation.
    """
    if window and not step.first:
        return min(step.past, window)
    return step.past


def seen(window: int | None, step: Step) -> int:
    """Tokens of one sequence whose K and V the step's attention is given; of a static cache the empty room too."""
    if step.static and (not window or step.past + step.tokens <= min(step.static, window)):
        return kept(window, step)
    if step.static and step.past:
        return kept(window, step)
    return (min(step.past, window - 1) if window else step.past) + step.tokens


def kept(window: int | None, step: Step) -> int:
    """Tokens of one sequence that the step leaves room for: a dynamic cache is what attention was given."""
    if step.static:
        return min(step.static, window) if window else step.static
    return seen(window, step)


def attend(tape: Tape, step: Step, block: Attention, style: Style, share: float, masked: bool) -> Buffer:
    """The block's output. What it is given is the caller's; what it caches stays, and scores, which the layer holds.

    Args:
        share: of a head that rotates.
        masked: whether it is given a mask.
    """
    mark, n, width = tape.mark(), step.rows, step.width
    size, fused = heads_of(block), len(block.names) == 2
    together = tape.new("Q, K and V", n * (size.q + size.k + size.v), width) if fused else None
    if not block.owns_kv:
        return _borrowed(tape, step, block, style, size, masked=masked)
    q, k, v = _projected(tape, step, block, style, size, together)
    if style.rotary != "none":
        table = int(block.head_dim * share)
        turned = _rotated(tape, step, size, style, share, table)
        if not style.rope_open:
            tape.free(*({q, k} - {together}))
        q, k = turned
    # What was projected together stays: V is a view of it.
    keys, values = _grown(tape, step, block.window, (size.k, size.v), {k, v} - {together})
    rows = seen(block.window, step)
    scores: list[Buffer] = []
    if by_hand(step, style):
        _, *scores = _by_hand(tape, step, block, style, size, rows)
    else:
        joined = style.rotary != "none" and (share != 1 or style.rope_open)
        _sdpa(tape, step, block, size, rows, masked=masked, joined=joined)
    if block.query_gate:
        tape.new("sigmoid of the gate", n * size.out, width)
        tape.new("gated attention", n * size.out, width)
    out = tape.new("attention output", n * block.hidden, width)
    tape.leave(mark, out, keys, values, *scores)
    return out


def _borrowed(tape: Tape, step: Step, block: Attention, style: Style, size: Heads, *, masked: bool) -> Buffer:
    """Attention of Gemma 4 to the K and V of an earlier layer, which the caller's cache counts."""
    mark, n = tape.mark(), step.rows
    raw = tape.new("Q", n * size.q, step.width)
    normed = norm(tape, "normed Q", n * size.q, block.head_dim, step, style.norm)
    tape.free(raw)
    rotate(tape, "Q", n * size.q, step.width)
    tape.free(normed)
    rows = seen(block.window, step)
    scores: list[Buffer] = []
    if by_hand(step, style):
        _, *scores = _by_hand(tape, step, block, style, size, rows)
    else:
        _sdpa(tape, step, block, size, rows, masked=masked, joined=False)
    out = tape.new("attention output", n * block.hidden, step.width)
    tape.leave(mark, out, *scores)
    return out


def attend_all(tape: Tape, step: Step, block: Attention, style: Style, *, masked: bool = False) -> Buffer:
    """Attention without a cache: the block's output, while the layer holds its scores."""
    mark, n, width = tape.mark(), step.rows, step.width
    size, fused = heads_of(block), len(block.names) == 2
    together = tape.new("Q, K and V", n * (size.q + size.k + size.v), width) if fused else None
    q, k, _ = _projected(tape, step, block, style, size, together)
    if style.rotary != "none":
        _rotated(tape, step, size, style, 1, block.head_dim)
        tape.free(*({q, k} - {together}))
    scores: list[Buffer] = []
    if by_hand(step, style):
        _, *scores = _by_hand(tape, step, block, style, size, step.tokens, masked=masked)
    else:
        biases = step.tokens * step.tokens * (block.heads if style.biased else style.joined)
        _sdpa(
            tape,
            step,
            block,
            size,
            step.tokens,
            masked=masked,
            joined=False,
            biases=biases,
            ordered=style.tabled or style.joined,
        )
    out = tape.new("attention output", n * block.hidden, width)
    tape.leave(mark, out, *scores)
    return out


def disentangled(tape: Tape, step: Step, block: Attention, buckets: int) -> Buffer:
    """``DisentangledSelfAttention.forward`` of DeBERTa, with `buckets` relative positions."""
    mark, n, width = tape.mark(), step.rows * block.heads * block.head_dim, step.width
    pairs, heads = step.tokens * step.tokens, step.batch * block.heads
    for name in "QKV":
        raw = tape.new(f"{name} by token", n, width)
        tape.new(name, n, width)
        tape.free(raw)
    scaled = tape.new("scaled K", n, width)
    scores = tape.new("scores", heads * pairs, width)
    tape.free(scaled)
    relative = _relative(tape, step, block, buckets) if buckets else None
    if relative:
        added = tape.new("sum of scores", heads * pairs, width)
        tape.free(scores)
        scores = added
    tape.new("mask", step.batch * pairs, 1)
    masked = tape.new("masked scores", heads * pairs, width)
    tape.free(scores)
    tape.new("softmax", heads * pairs, width)
    made = tape.new("attention", n, width)
    tape.new("attention by token", n, width)
    tape.free(made)
    tape.free(masked, *([relative] if relative else []))
    out = tape.new("attention output", n, width)
    tape.leave(mark, out)
    return out


def _relative(tape: Tape, step: Step, block: Attention, buckets: int) -> Buffer:
    """``disentangled_attention_bias``: content to position, then position to content."""
    mark, pairs, heads = tape.mark(), step.tokens * step.tokens, step.batch * block.heads
    for name in "QK":
        tape.new(f"{name} of relative positions", step.batch * buckets * block.heads * block.head_dim, step.width)
    total = None
    for name in ("content to position", "position to content"):
        shifted = tape.new("shifted positions", pairs, INT64)
        tape.new(f"places of {name}", pairs, INT64)
        tape.free(shifted)
        wide = tape.new(f"{name}, all positions", heads * step.tokens * buckets, step.width)
        tape.new(name, heads * pairs, step.width)
        tape.free(wide)
        scaled = tape.new(f"{name}, scaled", heads * pairs, step.width)
        total = total or tape.new("relative scores", heads * pairs, step.width)
        tape.free(scaled)
    assert total
    tape.leave(mark, total)
    return total


def _projected(
    tape: Tape, step: Step, block: Attention, style: Style, size: Heads, together: Buffer | None
) -> tuple[Buffer, Buffer, Buffer]:
    made = []
    norms = block.qk_norm or (0, 0)
    for name, elements, normed in (("Q", size.q, norms[0]), ("K", size.k, norms[1]), ("V", size.v, 0)):
        gates = 2 if name == "Q" and block.query_gate else 1
        raw = together or tape.new(name, step.rows * elements * gates, step.width)
        if gates == 2:
            tape.new("gate of the output", step.rows * elements, step.width)
        if normed:
            made.append(norm(tape, f"normed {name}", step.rows * elements, normed, step, style.norm))
            if not together:
                tape.free(raw)
        else:
            made.append(raw)
    return made[0], made[1], made[2]


def _rotated(tape: Tape, step: Step, size: Heads, style: Style, share: float, table: int) -> tuple[Buffer, Buffer]:
    """Q and K with their positions; `table` is how many elements of a head have some."""
    mark, width, made = tape.mark(), step.width, []
    if style.rotary == "fp32":
        width = FP32
        for name, elements in (("Q", size.q), ("K", size.k)):
            tape.new(f"{name} in FP32", step.rows * elements, FP32)
    if style.rotary == "wide":
        # Cosines and sines are spread over both elements of each pair.
        tape.new("cosines and sines of pairs", 2 * step.rows * table, FP32)
    for name, elements in (("Q", size.q), ("K", size.k)):
        n = step.rows * elements
        if style.rotary == "wide":
            turned = rotate_wide(tape, name, int(n * share), width)
        elif style.rotary == "complex":
            turned = rotate_complex(tape, name, n, width)
        elif style.rotary == "float":
            turned = rotate_float(tape, name, n)
        else:
            turned = rotate(tape, name, int(n * share), width, FP32 if style.rotary == "promoted" else 0)
        if share != 1 and not style.rope_open:
            whole = tape.new(f"rotated {name}", n, width)
            tape.free(turned)
            turned = whole
        made.append(turned)
    if style.rope_open:
        # The rotated parts are variables of the attention too.
        joined = [tape.new(f"rotated {name}", step.rows * n, width) for name, n in (("Q", size.q), ("K", size.k))]
        return joined[0], joined[1]
    if style.rotary in ("fp32", "wide", "promoted", "complex", "float") and step.width != FP32:
        made = [tape.new(f"rotated {name}", step.rows * n, step.width) for name, n in (("Q", size.q), ("K", size.k))]
    tape.leave(mark, *made)
    return made[0], made[1]


def _grown(
    tape: Tape, step: Step, window: int | None, size: tuple[int, int], new: Iterable[Buffer]
) -> tuple[Buffer, Buffer]:
    """The cache takes up K and V of the step: a static one in place, others by ``torch.cat``.

    A full layer lets go of the old K before it makes the new V; one with a window makes both first.
    """
    rows, old = kept(window, step), stored(window, step)
    if step.static:
        keys, values = (
            tape.new(f"cached {name}", step.batch * rows * n, step.width) for name, n in zip("KV", size, strict=True)
        )
        if window and step.past >= rows:
            mark = tape.mark()
            for name, n in zip("KV", size, strict=True):
                tape.new(f"{name} moved on", step.batch * rows * n, step.width)
            tape.leave(mark)
        if seen(window, step) > rows:
            return keys, values  # attention is given K and V of the prompt, not the window
    else:
        before = [
            tape.new(f"{name} cached before", step.batch * old * n, step.width) if old else None
            for name, n in zip("KV", size, strict=True)
        ]
        keys = tape.new("cached K", step.batch * rows * size[0], step.width)
        if not window and before[0]:
            tape.free(before[0])
        values = tape.new("cached V", step.batch * rows * size[1], step.width)
        tape.free(*[buffer for buffer in before if buffer])
    tape.free(*new)
    return keys, values


def _sdpa(
    tape: Tape,
    step: Step,
    block: Attention,
    size: Heads,
    rows: int,
    *,
    masked: bool,
    joined: bool,
    biases: int = 0,
    ordered: bool = False,
) -> None:
    """``scaled_dot_product_attention``.

    Args:
        biases: elements of a mask that is biases of positions, numbers already; put in order if not `ordered`.
        joined: whether Q is a concatenation, which lies by heads; so does what flash makes of it, and is copied.
    """
    mark, n, width, groups = tape.mark(), step.rows, step.width, block.heads // block.kv_heads
    masked = masked and not step.flash
    flash = step.flash or (not masked and size.out == size.q and block.head_dim <= FLASH_HEAD)
    # Given a mask, one query is packed by the heads that share K and V; more have these repeated.
    if groups > 1 and not (step.grouped and (flash or step.tokens == 1)):
        _repeated(tape, step, block, size, rows, groups)
    if biases:
        if not ordered:
            tape.new("biases in order", biases, width)
        if rows % MASK_COLUMNS:
            tape.new("padded biases", biases // rows * -(-rows // MASK_COLUMNS) * MASK_COLUMNS, width)
    elif masked:
        numbers = tape.new("mask as numbers", n * rows, width)
        if rows % MASK_COLUMNS:
            tape.new("padded mask", n * -(-rows // MASK_COLUMNS) * MASK_COLUMNS, width)
            tape.free(numbers)
    out = tape.new("attention", n * size.out, width)
    if flash:
        tape.free(tape.new("log of sums", n * block.heads, FP32))
        if joined and step.tokens > 1:
            by_token = tape.new("attention by token", n * size.out, width)
            tape.free(out)
            out = by_token
    tape.leave(mark, out)


def _repeated(tape: Tape, step: Step, block: Attention, size: Heads, rows: int, groups: int) -> None:
    """``repeat_kv``; of one head it is a view."""
    if block.kv_heads == 1:
        return
    tape.new("repeated K", step.batch * rows * size.k * groups, step.width)
    tape.new("repeated V", step.batch * rows * size.v * groups, step.width)


def _by_hand(
    tape: Tape, step: Step, block: Attention, style: Style, size: Heads, rows: int, *, masked: bool = True
) -> tuple[Buffer, Buffer]:
    """``eager_attention_forward``: what attention makes, and the scores after the softmax."""
    mark, width = tape.mark(), step.width
    if block.heads > block.kv_heads:
        _repeated(tape, step, block, size, rows, block.heads // block.kv_heads)
    # Views of one head shared by all are copied for each product over several sequences.
    views = step.batch * rows * block.heads if block.kv_heads == 1 < block.heads and step.batch > 1 else 0
    soft = softmaxed(tape, step, style, (block.heads, rows), size.q, views * block.head_dim, masked=masked)
    if views:
        tape.new("V in order", views * (size.v // block.kv_heads), width)
    made = tape.new("attention", step.rows * size.out, width)
    by_token = tape.new("attention by token", step.rows * size.out, width)
    tape.free(made)
    tape.leave(mark, by_token, soft)
    return by_token, soft


def softmaxed(
    tape: Tape, step: Step, style: Style, shape: tuple[int, int], q: int, k: int = 0, *, masked: bool = True
) -> Buffer:
    """Scores of every head (`shape`: heads, tokens) from the product of Q and K to after the softmax.

    Args:
        q: elements of Q of one token.
        k: elements that the product copies of K.
        masked: whether a mask is added.
    """
    heads, rows = shape
    n, sinks, width = step.rows * heads * rows, step.rows * heads, step.width
    if style.scores == "single":
        return _single(tape, step, n, (step.rows * q, step.batch * rows * q))
    # Several sequences' heads are not evenly spaced in Q, so the product copies it.
    copied = tape.new("Q in order", step.rows * q, width) if step.batch > 1 and step.tokens > 1 else None
    shared = tape.new("K in order", k, width) if k else None
    scores = tape.new("scores", n, width)
    tape.free(*[buffer for buffer in (copied, shared) if buffer])
    if style.scores not in ("inplace", "product"):
        scaled = tape.new("scaled scores", n, width)
        tape.free(scores)
        scores = scaled
    if style.scores == "alibi":
        return _alibi(tape, n, width, scores)
    hidden = tape.new("masked scores", n, width) if masked else scores
    if style.scores not in ("inplace", "product") and masked:
        tape.free(scores)
    if style.scores == "sinks":
        joined = tape.new("scores and sinks", n + sinks, width)
        shifted = tape.new("scores less their largest", n + sinks, width)
        tape.free(joined)
        soft = tape.new("softmax", n + sinks, width)
        tape.free(shifted, hidden)
        return soft
    if style.scores in ("native", "inplace") or width == FP32:
        soft = tape.new("softmax", n, width)
        tape.free(hidden, scores)
        return soft
    single = tape.new("scores in FP32", n, FP32)
    wide = tape.new("softmax in FP32", n, FP32)
    tape.free(single)
    soft = tape.new("softmax", n, width)
    tape.free(wide, hidden)
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


def _single(tape: Tape, step: Step, n: int, given: tuple[int, int]) -> Buffer:
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


class Indexed(NamedTuple):
    """Latent attention and the indexer that chooses what it attends to."""

    attention: LatentAttention
    indexer: Indexer

    def cache(self) -> CacheShape:
        """What both keep."""
        latent, index = self.attention.cache(), self.indexer.cache()
        return CacheShape(latent.keys + index.keys, latent.values + index.values)


def _chosen(tape: Tape, step: Step, block: Indexer, rows: int) -> None:
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


def attend_latent(
    tape: Tape, step: Step, block: LatentAttention, style: Style, indexer: Indexer | None = None
) -> Buffer:
    """``DeepseekV3Attention.forward``: the cache holds the latent; K and V of all heads are made of it at each step."""
    mark, n, width, rows = tape.mark(), step.rows, step.width, seen(None, step)
    head, made = block.nope + block.rope, step.batch * rows * block.heads
    if block.q_rank:
        low = tape.new("low-rank Q", n * block.q_rank, width)
        normed = norm(tape, "normed low-rank Q", n * block.q_rank, block.q_rank, step, "rms")
        tape.free(low)
        tape.new("Q", n * block.heads * head, width)
        tape.free(normed)
    else:
        tape.new("Q", n * block.heads * head, width)
    tape.new("latent", n * (block.kv_rank + block.rope), width)
    latent = norm(tape, "normed latent", n * block.kv_rank, block.kv_rank, step, "rms")
    rotate(tape, "Q", n * block.heads * block.rope, width)
    k = rotate(tape, "K", n * block.rope, width)
    keys, values = _grown(tape, step, None, (block.kv_rank, block.rope), (latent, k))
    tape.new("Q of both parts", n * block.heads * head, width)
    tape.new("K and V of the latent", made * (block.nope + block.v_head), width)
    tape.new("K of all heads", made * head, width)
    if indexer:
        # The caller's cache counts it.
        tape.new("cached keys of the indexer", step.batch * rows * indexer.head_dim, width)
        _chosen(tape, step, indexer, rows)
        for name in ("chosen tokens", "mask of the chosen"):
            tape.new(name, step.rows * rows, 1)
    scores = []
    if by_hand(step, style):
        scores = [softmaxed(tape, step, style, (block.heads, rows), block.heads * head)]
        if step.batch > 1:
            tape.new("V in order", made * block.v_head, width)
        first = tape.new("attention", n * block.heads * block.v_head, width)
        tape.new("attention by token", n * block.heads * block.v_head, width)
        tape.free(first)
    else:
        if indexer:
            tape.new("mask as numbers", step.rows * rows, width)
        tape.new("attention", n * block.heads * block.v_head, width)
    out = tape.new("attention output", n * block.hidden, width)
    tape.leave(mark, out, keys, values, *scores)
    return out
