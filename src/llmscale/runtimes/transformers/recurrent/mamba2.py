"""Mamba-2: ``BambaMixer`` and its ``mamba2_chunk_scan``, three matrices of all pairs of a chunk's tokens a head."""

from __future__ import annotations

from llmscale.model.blocks.recurrent import Mamba2
from llmscale.runtimes.transformers.ops import FP32, Step
from llmscale.runtimes.transformers.recurrent.convolution import convolved
from llmscale.runtimes.transformers.tape import Buffer, Tape


def mamba2_state(block: Mamba2, step: Step) -> int:
    """Bytes of the convolution's last inputs, and of the heads' states in FP32."""
    return step.batch * (_channels(block) * block.conv * step.width + _inner(block) * block.state_size * FP32)


def _inner(block: Mamba2) -> int:
    return block.heads * block.head_dim


def _channels(block: Mamba2) -> int:
    """Channels of the convolution: the input, and B and C of all groups."""
    return _inner(block) + 2 * block.groups * block.state_size


def mamba2(tape: Tape, step: Step, block: Mamba2, chunk: int) -> Buffer:
    """``BambaMixer.forward``."""
    mark, rows, width = tape.mark(), step.rows, step.width
    inner = _inner(block)
    tape.new("gate, input, B, C and step sizes", rows * (inner + _channels(block) + block.heads), width)
    convolved(tape, step, _channels(block), block.conv)
    if step.past:
        _token(tape, step, block)
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
    padded = step.batch * chunks * chunk * block.heads
    values, states = padded * block.head_dim, padded * block.state_size
    _in_chunks(tape, step, block, padded)
    _inside_chunks(tape, values, states, padded * chunk)
    _states_of_chunks(tape, step, block, padded, chunks)
    tape.new("decay from the start of chunks", padded, FP32)
    each = step.batch * block.heads * block.head_dim * block.state_size
    copies = [tape.new("C by head", states, FP32), tape.new("states by chunk", chunks * each, FP32)]
    tape.new("output of states", values, FP32)
    tape.free(*copies)
    tape.new("decayed output of states", values, FP32)
    tape.new("sum of outputs", values, FP32)
    out = tape.new("output of the scan", values, FP32)
    tape.leave(mark, out)
    return out


def _in_chunks(tape: Tape, step: Step, block: Mamba2, padded: int) -> None:
    """Input, B, C and A in FP32, padded to whole chunks: `padded` tokens of all heads."""
    rows, values, states = step.rows * block.heads, padded * block.head_dim, padded * block.state_size
    tape.new("step sizes", rows, step.width)
    given = tape.new("input in FP32", rows * block.head_dim, FP32)
    groups = [tape.new(f"{name} of all heads", rows * block.state_size, FP32) for name in "BC"]
    whole = tape.new("padded input", values, FP32)
    tape.new("D times input", values, FP32)
    tape.free(whole)
    scaled = tape.new("input times step sizes", rows * block.head_dim, FP32)
    tape.free(given)
    for name, size in (("input", values), ("B", states), ("C", states)):
        tape.new(f"{name} in chunks", size, FP32)
    for name in ("A in chunks", "cumulated A"):
        tape.new(name, padded, FP32)
    tape.free(scaled, *groups)


def _inside_chunks(tape: Tape, values: int, states: int, pairs: int) -> None:
    """The output of each chunk by itself, as attention among its tokens."""
    _decay(tape, "decay of pairs", pairs)
    copies = [tape.new(f"{name} by head", states, FP32) for name in "CB"]
    tape.new("products of pairs", pairs, FP32)
    tape.free(*copies)
    tape.new("decayed products of pairs", pairs, FP32)
    copies = [tape.new("decayed products by head", pairs, FP32), tape.new("input by head", values, FP32)]
    tape.new("output inside chunks", values, FP32)
    tape.free(*copies)


def _states_of_chunks(tape: Tape, step: Step, block: Mamba2, padded: int, chunks: int) -> None:
    """The state after each chunk, and then before each, by the decay between all of them."""
    values, states = padded * block.head_dim, padded * block.state_size
    each = step.batch * block.heads * block.head_dim * block.state_size
    tape.new("decay to the end of chunks", padded, FP32)
    tape.new("decayed B", states, FP32)
    copies = [tape.new("decayed B by head", states, FP32), tape.new("input by head", values, FP32)]
    made = tape.new("states of chunks", chunks * each, FP32)
    tape.free(*copies)
    tape.new("state before", each, FP32)
    joined = tape.new("states before and of chunks", (chunks + 1) * each, FP32)
    tape.free(made)
    _decay(tape, "decay between chunks", step.batch * block.heads * (chunks + 1) ** 2)
    copied = tape.new("states by head", (chunks + 1) * each, FP32)
    tape.new("states at chunks", (chunks + 1) * each, FP32)
    tape.free(joined, copied)


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


def _token(tape: Tape, step: Step, block: Mamba2) -> None:
    """``mamba2_selective_state_update``."""
    state = step.batch * _inner(block) * block.state_size
    tape.new("discrete A", state, FP32)
    tape.new("discrete B", state, step.width)
    tape.new("discrete B times input", state, step.width)
    decayed = tape.new("decayed state", state, FP32)
    tape.new("state after the token", state, FP32)
    tape.free(decayed)
    tape.new("narrow state", state, step.width)
