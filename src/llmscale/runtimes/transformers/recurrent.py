"""Recurrent blocks as transformers runs them without optional kernels: the short convolution and the gated delta rule.

After ``Lfm2ShortConv``, ``Qwen3NextGatedDeltaNet``, ``Qwen3_5GatedDeltaNet``, and ``torch_chunk_gated_delta_rule``,
which goes by chunks of 64 tokens in FP32. With the kernels of the packages ``causal-conv1d`` and
``flash-linear-attention`` a prompt takes less, which nobody measured here.
"""

from __future__ import annotations

from llmscale.model.blocks.linear_attention import GatedDeltaNet
from llmscale.model.blocks.recurrent import ShortConvolution
from llmscale.runtimes.transformers.ops import FP32, Step
from llmscale.runtimes.transformers.tape import Buffer, Tape

CHUNK = 64


def state_bytes(block: GatedDeltaNet | ShortConvolution, step: Step) -> int:
    """What the cache holds of the block: the convolution's last inputs, and the state in FP32."""
    if isinstance(block, ShortConvolution):
        return step.batch * block.hidden * block.conv * step.width
    state = block.value_heads * block.key_dim * block.value_dim * FP32
    return step.batch * (_convolved(block) * block.conv * step.width + state)


def short_convolution(tape: Tape, step: Step, block: ShortConvolution) -> Buffer:
    """Gate, convolution, gate."""
    mark, n, width = tape.mark(), step.rows * block.hidden, step.width
    tape.new("both gates and input", 3 * n, width)
    gated = tape.new("gated input", n, width)
    tape.new("convolution", step.batch * (step.tokens + block.conv - 1) * block.hidden, width)
    tape.free(gated)
    tape.new("gated convolution", n, width)
    tape.new("gated convolution by token", n, width)
    out = tape.new("convolution's output", n, width)
    tape.leave(mark, out)
    return out


def delta_net(tape: Tape, step: Step, block: GatedDeltaNet) -> Buffer:
    """Projections, convolution, the delta rule over all tokens, a gated norm, and the output."""
    mark, n, width = tape.mark(), step.rows, step.width
    keys, values, mixed = _sizes(block)
    apart = []
    if block.fused:
        tape.new("Q, K, V and gate", n * (mixed + values), width)
        tape.new("gate by token", n * values, width)
        sizes = (("V", values), ("Q", keys), ("K", keys))
        apart = [tape.new(f"{name} by token", n * size, width) for name, size in sizes]
    else:
        tape.new("gate", n * values, width)
    projected = tape.new("Q, K and V", n * mixed, width)
    raw = tape.new("convolution", step.batch * (step.tokens + block.conv - 1) * mixed, width)
    active = tape.new("activated convolution", n * mixed, width)
    tape.free(raw, projected, *apart)
    core = _chunks(tape, step, block) if step.tokens > 1 else _token(tape, step, block)
    normed = _gated_norm(tape, step, n * values)
    out = tape.new("attention output", n * block.hidden, width)
    tape.free(core, normed, active)
    tape.leave(mark, out)
    return out


def _convolved(block: GatedDeltaNet) -> int:
    return 2 * block.key_heads * block.key_dim + block.value_heads * block.value_dim


def _sizes(block: GatedDeltaNet) -> tuple[int, int, int]:
    """Elements of one token in K, in V, and in Q, K and V together."""
    return block.key_heads * block.key_dim, block.value_heads * block.value_dim, _convolved(block)


def _chunks(tape: Tape, step: Step, block: GatedDeltaNet) -> Buffer:
    mark, width = tape.mark(), step.width
    keys, values = block.value_heads * block.key_dim, block.value_heads * block.value_dim
    n = step.rows
    padded = step.batch * -(-step.tokens // CHUNK) * CHUNK
    repeated = []
    if block.key_heads != block.value_heads:
        repeated = [tape.new(f"repeated {name}", n * keys, width) for name in "QK"]
    single = [
        tape.new(f"{name} in FP32", n * size, FP32) for name, size in zip("QKV", (keys, keys, values), strict=True)
    ]
    tape.free(*repeated)
    for place in (0, 1):
        square = tape.new("square", n * keys, FP32)
        tape.free(square)
        normed = tape.new("normed", n * keys, FP32)
        tape.free(single[place])
        single[place] = normed
    scaled = tape.new("scaled Q", n * keys, FP32)
    tape.free(single[0])
    single[0] = scaled
    whole = [
        tape.new(f"padded {name}", padded * size, FP32) for name, size in zip("QKV", (keys, keys, values), strict=True)
    ]
    tape.free(*single)
    tape.new("V times beta", padded * values, FP32)
    tape.new("K times beta", padded * keys, FP32)
    pairs = padded * block.value_heads * CHUNK
    differences = tape.new("differences of decay", pairs, FP32)
    filled = tape.new("masked differences", pairs, FP32)
    tape.free(differences)
    tape.new("decay of pairs", pairs, FP32)
    tape.free(filled)
    for name in ("system", "attention inside chunks"):
        product = tape.new("product of pairs", pairs, FP32)
        tape.new(name, pairs, FP32)
        tape.free(product)
    tape.new("decayed K times beta", padded * keys, FP32)
    tape.new("new V", padded * values, FP32)
    tape.new("decayed K", padded * keys, FP32)
    core = tape.new("output of chunks", padded * values, FP32)
    for place, name in enumerate("QK"):
        decayed = tape.new(f"{name} times decay", padded * keys, FP32)
        tape.free(whole[place])
        whole[place] = decayed
    tape.new("state after the last chunk", step.batch * keys * block.value_dim, FP32)
    tape.new("two parts of the last chunk", 2 * step.batch * CHUNK * values, FP32)
    ordered = tape.new("output of chunks in order", padded * values, FP32)
    tape.free(core)
    out = tape.new("output of the delta rule", n * values, width)
    tape.free(ordered)
    tape.leave(mark, out)
    return out


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
