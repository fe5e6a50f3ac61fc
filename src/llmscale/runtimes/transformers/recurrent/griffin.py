"""Griffin's recurrent block: ``RecurrentGemmaRecurrentBlock`` and the RG-LRU in it."""

from __future__ import annotations

from llmscale.model.blocks.recurrent import Griffin
from llmscale.runtimes.transformers.ops import FP32, Step
from llmscale.runtimes.transformers.tape import Buffer, Tape


def griffin_state(block: Griffin, step: Step) -> int:
    """Bytes of the convolution's last inputs, and of every channel's state in FP32."""
    return step.batch * block.width * ((block.conv - 1) * step.width + FP32)


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
