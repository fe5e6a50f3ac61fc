"""The gated delta rule: ``Qwen3NextGatedDeltaNet`` and ``Qwen3_5GatedDeltaNet``.

A prompt goes by chunks of 64 tokens in FP32 (``torch_chunk_gated_delta_rule``), an answer token by token.
"""

from __future__ import annotations

from llmscale.model.blocks.linear_attention import GatedDeltaNet
from llmscale.runtimes.transformers.ops import FP32, Step
from llmscale.runtimes.transformers.recurrent.convolution import convolved
from llmscale.runtimes.transformers.tape import Buffer, Tape

CHUNK = 64


def delta_net_state(block: GatedDeltaNet, step: Step) -> int:
    """Bytes of the convolution's last inputs, and of the matrices in FP32."""
    matrices = block.value_heads * block.key_dim * block.value_dim
    return step.batch * (_convolved(block) * block.conv * step.width + matrices * FP32)


def _convolved(block: GatedDeltaNet) -> int:
    """Elements of one token in Q, K and V together."""
    return 2 * block.key_heads * block.key_dim + block.value_heads * block.value_dim


def delta_net(tape: Tape, step: Step, block: GatedDeltaNet) -> Buffer:
    """Projections, convolution, the delta rule over all tokens, a gated norm, and the output."""
    mark, n, width = tape.mark(), step.rows, step.width
    values, mixed = block.value_heads * block.value_dim, _convolved(block)
    apart = _unpacked(tape, step, block) if block.fused else []
    if not block.fused:
        tape.new("gate", n * values, width)
    projected = tape.new("Q, K and V", n * mixed, width)
    active = convolved(tape, step, mixed, block.conv)
    tape.free(projected, *apart)
    core = _chunks(tape, step, block) if step.tokens > 1 else _token(tape, step, block)
    normed = _gated_norm(tape, step, n * values)
    out = tape.new("attention output", n * block.hidden, width)
    tape.free(core, normed, active)
    tape.leave(mark, out)
    return out


def _unpacked(tape: Tape, step: Step, block: GatedDeltaNet) -> list[Buffer]:
    """V, Q and K out of one projection, where the gate is too."""
    n, values = step.rows, block.value_heads * block.value_dim
    tape.new("Q, K, V and gate", n * (_convolved(block) + values), step.width)
    tape.new("gate by token", n * values, step.width)
    keys = block.key_heads * block.key_dim
    sizes = (("V", values), ("Q", keys), ("K", keys))
    return [tape.new(f"{name} by token", n * size, step.width) for name, size in sizes]


def _chunks(tape: Tape, step: Step, block: GatedDeltaNet) -> Buffer:
    """``torch_chunk_gated_delta_rule``."""
    mark = tape.mark()
    padded = step.batch * -(-step.tokens // CHUNK) * CHUNK
    keys, values = block.value_heads * block.key_dim, block.value_heads * block.value_dim
    whole = _padded(tape, step, block, padded)
    tape.new("V times beta", padded * values, FP32)
    tape.new("K times beta", padded * keys, FP32)
    _inside_chunks(tape, padded * block.value_heads * CHUNK)
    tape.new("decayed K times beta", padded * keys, FP32)
    tape.new("new V", padded * values, FP32)
    tape.new("decayed K", padded * keys, FP32)
    core = tape.new("output of chunks", padded * values, FP32)
    for given, name in zip(whole, "QK", strict=True):
        tape.new(f"{name} times decay", padded * keys, FP32)
        tape.free(given)
    tape.new("state after the last chunk", step.batch * keys * block.value_dim, FP32)
    tape.new("two parts of the last chunk", 2 * step.batch * CHUNK * values, FP32)
    ordered = tape.new("output of chunks in order", padded * values, FP32)
    tape.free(core)
    out = tape.new("output of the delta rule", step.rows * values, step.width)
    tape.free(ordered)
    tape.leave(mark, out)
    return out


def _padded(tape: Tape, step: Step, block: GatedDeltaNet, padded: int) -> tuple[Buffer, Buffer]:
    """Q and K in FP32, normed, the one scaled too, and padded to whole chunks; V, padded, is on the tape as well."""
    n, keys, values = step.rows, block.value_heads * block.key_dim, block.value_heads * block.value_dim
    sizes = (("Q", keys), ("K", keys), ("V", values))
    repeated = []
    if block.key_heads != block.value_heads:
        repeated = [tape.new(f"repeated {name}", n * keys, step.width) for name in "QK"]
    q, k, v = [tape.new(f"{name} in FP32", n * size, FP32) for name, size in sizes]
    tape.free(*repeated)
    q, k = _normed(tape, n * keys, q), _normed(tape, n * keys, k)
    scaled = tape.new("scaled Q", n * keys, FP32)
    tape.free(q)
    whole_q, whole_k, _ = [tape.new(f"padded {name}", padded * size, FP32) for name, size in sizes]
    tape.free(scaled, k, v)
    return whole_q, whole_k


def _normed(tape: Tape, n: int, given: Buffer) -> Buffer:
    """Each head of one token divided by its length."""
    tape.free(tape.new("square", n, FP32))
    normed = tape.new("normed", n, FP32)
    tape.free(given)
    return normed


def _inside_chunks(tape: Tape, pairs: int) -> None:
    """What `pairs` of a chunk's tokens, of all heads, have to do with each other."""
    differences = tape.new("differences of decay", pairs, FP32)
    filled = tape.new("masked differences", pairs, FP32)
    tape.free(differences)
    tape.new("decay of pairs", pairs, FP32)
    tape.free(filled)
    for name in ("system", "attention inside chunks"):
        product = tape.new("product of pairs", pairs, FP32)
        tape.new(name, pairs, FP32)
        tape.free(product)


def _token(tape: Tape, step: Step, block: GatedDeltaNet) -> Buffer:
    """``torch_recurrent_gated_delta_rule`` of one token: the state decayed, what is added to it, and their sum."""
    mark, state = tape.mark(), step.batch * block.value_heads * block.key_dim * block.value_dim
    for name in ("decayed state", "what is added to the state", "state after the token"):
        tape.new(name, state, FP32)
    out = tape.new("output of the delta rule", step.batch * block.value_heads * block.value_dim, step.width)
    tape.leave(mark, out)
    return out


def _gated_norm(tape: Tape, step: Step, n: int) -> Buffer:
    """``Qwen3NextRMSNormGated``: a norm in FP32, times the activated gate in FP32."""
    mark = tape.mark()
    single = tape.new("FP32 copy", n, FP32)
    tape.free(tape.new("FP32 square", n, FP32))
    normed = tape.new("FP32 norm", n, FP32)
    tape.free(single)
    narrow = tape.new("norm", n, step.width)
    tape.free(normed)
    tape.new("gate in FP32", n, FP32)
    tape.new("activated gate", n, FP32)
    tape.new("gated norm in FP32", n, FP32)
    tape.free(narrow)
    out = tape.new("gated norm", n, step.width)
    tape.leave(mark, out)
    return out
