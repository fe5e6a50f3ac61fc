"""Mamba: ``MambaMixer`` and its ``mamba_selective_scan``, which has the state of every token three times in FP32."""

from __future__ import annotations

from llmscale.model.blocks.recurrent import Mamba
from llmscale.runtimes.transformers.ops import FP32, Step
from llmscale.runtimes.transformers.recurrent.convolution import convolved
from llmscale.runtimes.transformers.tape import Buffer, Tape


def mamba_state(block: Mamba, step: Step) -> int:
    """Bytes of the convolution's last inputs, and of every channel's state in FP32."""
    return step.batch * block.inner * (block.conv * step.width + block.state_size * FP32)


def mamba(tape: Tape, step: Step, block: Mamba) -> Buffer:
    """``MambaMixer.forward``."""
    mark, n, width = tape.mark(), step.rows * block.inner, step.width
    tape.new("input and gate", 2 * n, width)
    tape.new("A", block.inner * block.state_size, FP32)
    convolved(tape, step, block.inner, block.conv)
    tape.new("step sizes, B and C", step.rows * (block.dt_rank + 2 * block.state_size), width)
    tape.new("step sizes of all channels", n, width)
    if step.past:
        _token(tape, step, block)
    else:
        _selective_scan(tape, step, block)
    out = tape.new("output of the mixer", step.rows * block.hidden, width)
    tape.leave(mark, out)
    return out


def _selective_scan(tape: Tape, step: Step, block: Mamba) -> None:
    """``mamba_selective_scan``."""
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


def _token(tape: Tape, step: Step, block: Mamba) -> None:
    """One token of an answer: what becomes of the states of all channels."""
    state = step.batch * block.inner * block.state_size
    for name in ("discrete A", "discrete B", "discrete B times input", "decayed state", "state after the token"):
        tape.new(name, state, FP32)
