"""Mamba, Mamba-2, Griffin's RG-LRU and RWKV-4 as transformers runs them without optional kernels.

After ``mamba_selective_scan`` and ``MambaMixer`` (``models/mamba``), ``mamba2_chunk_scan`` and ``BambaMixer``
(``models/bamba``), ``RecurrentGemmaRecurrentBlock``, and ``RwkvBlock``. Mamba's scan has the state of every token three
times in FP32, Mamba-2's three matrices of all pairs of a chunk's tokens for every head. With the kernels of
``mamba-ssm`` and ``causal-conv1d`` neither is made; what these allocate is not gone through.
"""

from __future__ import annotations

from llmscale.model.blocks.recurrent import Griffin, Mamba, Mamba2, RwkvChannelMix, RwkvTimeMix
from llmscale.runtimes.transformers.ops import FP32, Step
from llmscale.runtimes.transformers.tape import Buffer, Tape

Scanned = Mamba | Mamba2 | Griffin | RwkvTimeMix | RwkvChannelMix


def state_bytes(block: Scanned, step: Step) -> int:
    """What the cache holds of the block: the last inputs of a convolution or a mix, and the state in FP32."""
    if isinstance(block, RwkvTimeMix):
        return step.batch * (block.hidden * step.width + 3 * block.width * FP32)
    if isinstance(block, RwkvChannelMix):
        return step.batch * block.hidden * step.width
    if isinstance(block, Griffin):
        return step.batch * block.width * ((block.conv - 1) * step.width + FP32)
    if isinstance(block, Mamba):
        return step.batch * block.inner * (block.conv * step.width + block.state_size * FP32)
    return step.batch * (_convolved(block) * block.conv * step.width + _inner(block) * block.state_size * FP32)


def _inner(block: Mamba2) -> int:
    return block.heads * block.head_dim


def _convolved(block: Mamba2) -> int:
    return _inner(block) + 2 * block.groups * block.state_size


def _convolution(tape: Tape, step: Step, channels: int, kernel: int) -> Buffer:
    """``causal_conv1d_fn``."""
    raw = tape.new("convolution", step.batch * (step.tokens + kernel - 1) * channels, step.width)
    active = tape.new("activated convolution", step.rows * channels, step.width)
    tape.free(raw)
    return active


def mamba(tape: Tape, step: Step, block: Mamba) -> Buffer:
    """``MambaMixer.forward``."""
    mark, n, width = tape.mark(), step.rows * block.inner, step.width
    tape.new("input and gate", 2 * n, width)
    tape.new("A", block.inner * block.state_size, FP32)
    _convolution(tape, step, block.inner, block.conv)
    tape.new("step sizes, B and C", step.rows * (block.dt_rank + 2 * block.state_size), width)
    tape.new("step sizes of all channels", n, width)
    if step.past:
        _mamba_token(tape, step, block)
    else:
        _selective_scan(tape, step, block)
    out = tape.new("output of the mixer", step.rows * block.hidden, width)
    tape.leave(mark, out)
    return out


def _selective_scan(tape: Tape, step: Step, block: Mamba) -> None:
    n, width = step.rows * block.inner, step.width
    biased = tape.new("step sizes and bias", n, width)
    tape.new("softplus of step sizes", n, width)
    tape.free(biased)
    states = n * block.state_size
    product = tape.new("A times step sizes", states, FP32)
    tape.new("discrete A", states, FP32)
    tape.free(product)
    tape.new("discrete B", states, FP32)
    single = tape.new("input in FP32", n, FP32)
    tape.new("discrete B times input", states, FP32)
    tape.free(single)
    tape.new("state after the last token", step.batch * block.inner * block.state_size, FP32)
    tape.new("output of each token", n, width)
    stacked = tape.new("output of the scan", n, width)
    skipped = tape.new("D times input", n, FP32)
    summed = tape.new("output and D times input", n, FP32)
    tape.free(stacked, skipped)
    active = tape.new("activated gate", n, width)
    tape.new("gated output", n, FP32)
    tape.free(summed, active)


def _mamba_token(tape: Tape, step: Step, block: Mamba) -> None:
    state = step.batch * block.inner * block.state_size
    for name in ("discrete A", "discrete B", "discrete B times input", "decayed state", "state after the token"):
        tape.new(name, state, FP32)


def mamba2(tape: Tape, step: Step, block: Mamba2, chunk: int) -> Buffer:
    """``BambaMixer.forward``."""
    mark, rows, width = tape.mark(), step.rows, step.width
    inner = _inner(block)
    tape.new("gate, input, B, C and step sizes", rows * (inner + _convolved(block) + block.heads), width)
    _convolution(tape, step, _convolved(block), block.conv)
    if step.past:
        _mamba2_token(tape, step, block)
    else:
        _chunk_scan(tape, step, block, chunk)
    if block.gated_norm:
        single = tape.new("gate in FP32", rows * inner, FP32)
        tape.new("activated gate", rows * inner, FP32)
        tape.free(single)
        tape.new("gated output", rows * inner, FP32)
    out = tape.new("output of the mixer", rows * block.hidden, width)
    tape.leave(mark, out)
    return out


def _chunk_scan(tape: Tape, step: Step, block: Mamba2, chunk: int) -> Buffer:
    """``mamba2_chunk_scan``: within chunks as attention, between them as a recurrence."""
    mark, chunks = tape.mark(), -(-step.tokens // chunk)
    rows, padded = step.rows * block.heads, step.batch * chunks * chunk * block.heads
    values, states, pairs = padded * block.head_dim, padded * block.state_size, padded * chunk
    each = step.batch * block.heads * block.head_dim * block.state_size
    tape.new("step sizes", rows, step.width)
    given = [
        tape.new("input in FP32", rows * block.head_dim, FP32),
        tape.new("B of all heads", rows * block.state_size, FP32),
        tape.new("C of all heads", rows * block.state_size, FP32),
    ]
    whole = tape.new("padded input", values, FP32)
    tape.new("D times input", values, FP32)
    tape.free(whole)
    scaled = tape.new("input times step sizes", rows * block.head_dim, FP32)
    tape.free(given[0])
    given[0] = scaled
    for name, size in (("input", values), ("B", states), ("C", states)):
        tape.new(f"{name} in chunks", size, FP32)
    for name in ("A in chunks", "cumulated A"):
        tape.new(name, padded, FP32)
    tape.free(*given)
    _decay(tape, "decay of pairs", pairs)
    copies = [tape.new(f"{name} by head", states, FP32) for name in "CB"]
    tape.new("products of pairs", pairs, FP32)
    tape.free(*copies)
    tape.new("decayed products of pairs", pairs, FP32)
    copies = [tape.new("decayed products by head", pairs, FP32), tape.new("input by head", values, FP32)]
    tape.new("output inside chunks", values, FP32)
    tape.free(*copies)
    tape.new("decay to the end of chunks", padded, FP32)
    tape.new("decayed B", states, FP32)
    copies = [tape.new("decayed B by head", states, FP32), tape.new("input by head", values, FP32)]
    made = tape.new("states of chunks", chunks * each, FP32)
    tape.free(*copies)
    tape.new("state before", each, FP32)
    joined = tape.new("states before and of chunks", (chunks + 1) * each, FP32)
    tape.free(made)
    _decay(tape, "decay between chunks", step.batch * block.heads * (chunks + 1) ** 2)
    copies = [tape.new("states by head", (chunks + 1) * each, FP32)]
    tape.new("states at chunks", (chunks + 1) * each, FP32)
    tape.free(joined, *copies)
    tape.new("decay from the start of chunks", padded, FP32)
    copies = [tape.new("C by head", states, FP32), tape.new("states by chunk", chunks * each, FP32)]
    tape.new("output of states", values, FP32)
    tape.free(*copies)
    tape.new("decayed output of states", values, FP32)
    tape.new("sum of outputs", values, FP32)
    out = tape.new("output of the scan", values, FP32)
    tape.leave(mark, out)
    return out


def _decay(tape: Tape, name: str, n: int) -> None:
    """``exp(segment_sum(A))``."""
    mark = tape.mark()
    tape.new("masked A", n, FP32)
    summed = tape.new("cumulated A of pairs", n, FP32)
    masked = tape.new("masked sums", n, FP32)
    tape.leave(mark, masked)
    tape.free(summed)
    tape.new(name, n, FP32)
    tape.free(masked)


def _mamba2_token(tape: Tape, step: Step, block: Mamba2) -> None:
    """``mamba2_selective_state_update``."""
    state = step.batch * _inner(block) * block.state_size
    tape.new("discrete A", state, FP32)
    tape.new("discrete B", state, step.width)
    tape.new("discrete B times input", state, step.width)
    decayed = tape.new("decayed state", state, FP32)
    tape.new("state after the token", state, FP32)
    tape.free(decayed)
    tape.new("narrow state", state, step.width)


def griffin(tape: Tape, step: Step, block: Griffin) -> Buffer:
    """``RecurrentGemmaRecurrentBlock.forward`` and the RG-LRU in it."""
    mark, n, width = tape.mark(), step.rows * block.width, step.width
    tape.new("gate", n, width)
    given = tape.new("input", n, width)
    tape.new("convolution", step.batch * (step.tokens + block.conv - 1) * block.width, width)
    tape.free(given)
    lru = tape.mark()
    for name in (
        *("input by head", "input gate", "recurrent gate before", "log of the recurrent gate", "recurrent gate"),
        *("square of the gate", "gated input", "multiplier", "normalised input", "gate of the scan"),
    ):
        tape.new(name, n, width)
    out = tape.new("output of the scan", n, width)
    tape.leave(lru, out)
    tape.new("gated output", n, width)
    made = tape.new("output of the mixer", step.rows * block.hidden, width)
    tape.leave(mark, made)
    return made


def time_mix(tape: Tape, step: Step, block: RwkvTimeMix) -> Buffer:
    """``RwkvSelfAttention.forward``: every token mixed with the one before, thrice, and a decaying average."""
    mark, n, wide, width = tape.mark(), step.rows * block.hidden, step.rows * block.width, step.width
    mixes = [tape.new(name, n, width) for name in ("shifted input", "mix of K", "mix of V", "mix of R")]
    for name in "KV":
        tape.new(name, wide, width)
    raw = tape.new("R", wide, width)
    tape.new("sigmoid of R", wide, width)
    tape.free(raw, *mixes)
    tape.new("average of V", wide, width)
    tape.new("gated average", wide, width)
    out = tape.new("output of the mixer", n, width)
    tape.leave(mark, out)
    return out


def channel_mix(tape: Tape, step: Step, block: RwkvChannelMix) -> Buffer:
    """``RwkvFeedForward.forward``: two mixes, the square of a ReLU, and a gate."""
    mark, n, width = tape.mark(), step.rows * block.hidden, step.width
    for name in ("shifted input", "mix of K", "mix of R"):
        tape.new(name, n, width)
    raw = tape.new("K", step.rows * block.intermediate, width)
    active = tape.new("ReLU of K", step.rows * block.intermediate, width)
    tape.free(raw)
    squared = tape.new("square of it", step.rows * block.intermediate, width)
    tape.free(active)
    tape.new("V", n, width)
    tape.free(squared)
    tape.new("R", n, width)
    out = tape.new("output of the mixer", n, width)
    tape.leave(mark, out)
    return out
