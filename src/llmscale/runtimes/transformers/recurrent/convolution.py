"""Causal convolutions over time: the one in front of a scan, and LFM2's ``Lfm2ShortConv``."""

from __future__ import annotations

from llmscale.model.blocks.recurrent import ShortConvolution
from llmscale.runtimes.transformers.ops import Step
from llmscale.runtimes.transformers.tape import Buffer, Tape


def convolved(tape: Tape, step: Step, channels: int, kernel: int) -> Buffer:
    """``causal_conv1d_fn``: the activated convolution; its input is padded by the inputs before it."""
    raw = tape.new("convolution", step.batch * (step.tokens + kernel - 1) * channels, step.width)
    active = tape.new("activated convolution", step.rows * channels, step.width)
    tape.free(raw)
    return active


def short_convolution(tape: Tape, step: Step, block: ShortConvolution) -> Buffer:
    """``Lfm2ShortConv.forward``: gate, convolution, gate."""
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


def short_convolution_state(block: ShortConvolution, step: Step) -> int:
    """Bytes of the convolution's last inputs."""
    return step.batch * block.hidden * block.conv * step.width
