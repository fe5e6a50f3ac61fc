"""Feed-forward blocks: ``LlamaMLP``, ``Phi3MLP``, ``GPT2MLP`` and their like."""

from __future__ import annotations

from llmscale.model.blocks.mlp import Mlp
from llmscale.model.classes.style import Activation, Habit
from llmscale.runtimes.transformers.ops import Step, activation
from llmscale.runtimes.transformers.tape import Buffer, Tape


def gated(
    tape: Tape, step: Step, hidden: int, intermediate: int, fused: bool, whose: str = "", act: Activation = "fused"
) -> Buffer:
    """``down(act(gate(x)) * up(x))``; fused, gate and up are two views of one tensor."""
    mark, n, width = tape.mark(), step.rows * intermediate, step.width
    gate = tape.new(f"{whose}gate and up" if fused else f"{whose}gate", 2 * n if fused else n, width)
    made = activation(tape, n, width, act, f"{whose}activation of the gate")
    up = None
    if not fused:
        tape.free(gate)
        up = tape.new(f"{whose}up", n, width)
    tape.new(f"{whose}product", n, width)
    tape.free(made, *([up] if up else []))
    out = tape.new(f"{whose}MLP output", step.rows * hidden, width)
    tape.leave(mark, out)
    return out


def plain(tape: Tape, step: Step, block: Mlp, style: Habit, given: Buffer) -> Buffer:
    """``down(act(up(x)))``."""
    mark, n, width = tape.mark(), step.rows * block.intermediate, step.width
    up = tape.new("up", n, width)
    if style.inline:
        tape.free(given)
    activation(tape, n, width, style.act)
    tape.free(up)
    out = tape.new("MLP output", step.rows * block.hidden, width)
    tape.leave(mark, out)
    return out
