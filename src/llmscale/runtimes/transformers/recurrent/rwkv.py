"""RWKV-4: ``RwkvSelfAttention`` and ``RwkvFeedForward``, each mixed with the token before."""

from __future__ import annotations

from llmscale.model.blocks.recurrent import RwkvChannelMix, RwkvTimeMix
from llmscale.runtimes.transformers.ops import FP32, Step
from llmscale.runtimes.transformers.tape import Buffer, Tape


def time_mix_state(block: RwkvTimeMix, step: Step) -> int:
    """Bytes of the last input, and of three numbers of every channel in FP32."""
    return step.batch * (block.hidden * step.width + 3 * block.width * FP32)


def channel_mix_state(block: RwkvChannelMix, step: Step) -> int:
    """Bytes of the last input."""
    return step.batch * block.hidden * step.width


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
