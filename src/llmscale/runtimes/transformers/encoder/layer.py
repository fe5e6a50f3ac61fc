"""One layer of an encoder.

After ``BertLayer`` and its like (norms behind), ``ViTLayer``, ``CLIPEncoderLayer`` and theirs (norms before), and
``SwinLayer``.
"""

from __future__ import annotations

from llmscale.model.blocks.mlp import GatedMlp
from llmscale.model.classes.style import Habit
from llmscale.runtimes.transformers.attention.attend import attend_all
from llmscale.runtimes.transformers.attention.disentangled import disentangled
from llmscale.runtimes.transformers.attention.eager import by_hand, softmaxed
from llmscale.runtimes.transformers.attention.sdpa import padded
from llmscale.runtimes.transformers.encoder.tower import EncoderLayer, Tower
from llmscale.runtimes.transformers.mlp import gated, plain
from llmscale.runtimes.transformers.ops import Step, norm
from llmscale.runtimes.transformers.tape import Buffer, Tape


def trace_layer(tape: Tape, step: Step, style: Habit, tower: Tower, layer: EncoderLayer, *, masked: bool) -> None:
    """What the layer has alive; its input is the caller's."""
    mark = tape.mark()
    (_norms_behind if style.behind else _norms_before)(tape, step, style, tower, layer, masked=masked)
    tape.leave(mark)


def _norms_behind(tape: Tape, step: Step, style: Habit, tower: Tower, layer: EncoderLayer, *, masked: bool) -> None:
    """``norm(x + attention(x))``, then ``norm(x + mlp(x))``."""
    n, size = step.rows * tower.hidden, tower.hidden
    out = _attend(tape, step, style, tower, layer, masked=masked)
    added = tape.new("sum", n, step.width)
    states = norm(tape, "output of the attention", n, size, step, style.norm)
    tape.free(added, *([] if style.attention_kept else [out]))
    out = _feed(tape, step, style, layer, states)
    tape.new("sum", n, step.width)
    norm(tape, "output of the layer", n, size, step, style.norm)


def _norms_before(tape: Tape, step: Step, style: Habit, tower: Tower, layer: EncoderLayer, *, masked: bool) -> None:
    """``x + attention(norm(x))``, then ``x + mlp(norm(x))``."""
    n, size = step.rows * tower.hidden, tower.hidden
    inputs = norm(tape, "normed input", n, size, step, style.norm)
    out = _attend(tape, step, style, tower, layer, masked=masked)
    tape.free(inputs)
    tape.new("residual", n, step.width)
    if not style.windowed:
        tape.free(out)
    inputs = norm(tape, "normed input", n, size, step, style.norm)
    _feed(tape, step, style, layer, inputs)
    tape.free(inputs)
    tape.new("output of the layer", n, step.width)


def _attend(tape: Tape, step: Step, style: Habit, tower: Tower, layer: EncoderLayer, *, masked: bool) -> Buffer:
    if style.windowed:
        return _attend_windows(tape, step, style, tower, layer)
    if style.states_kept:
        return disentangled(tape, step, layer.attention, tower.buckets)
    return attend_all(tape, step, layer.attention, style, masked=masked)


def _attend_windows(tape: Tape, step: Step, style: Habit, tower: Tower, layer: EncoderLayer) -> Buffer:
    """``SwinLayer.forward`` of a layer whose windows are shifted: these stay to the end of the layer."""
    n, width, heads = step.rows * tower.hidden, step.width, layer.attention.heads
    area = tower.window**2
    enlarged = tape.new("padded input", n, width)
    shifted = tape.new("shifted input", n, width)
    tape.new("windows", n, width)
    tape.free(shifted)
    tape.new("mask of windows", step.tokens * area, width)
    mark = tape.mark()
    for name in "QKV":
        tape.new(name, n, width)
    tape.new("biases and mask of windows", step.rows * area * heads, width)
    scores: list[Buffer] = []
    if by_hand(step, style):
        scores = [softmaxed(tape, step, style, (heads, area), tower.hidden)]
    else:
        tape.new("mask in rows of 16", step.rows * heads * padded(area), width)
    tape.new("attention", n, width)
    out = tape.new("attention output", n, width)
    tape.leave(mark, out, *scores)
    tape.free(enlarged)
    tape.new("windows shifted back", n, width)
    return out


def _feed(tape: Tape, step: Step, style: Habit, layer: EncoderLayer, given: Buffer) -> Buffer:
    mlp = layer.mlp
    if isinstance(mlp, GatedMlp):
        fused = len(mlp.names) == 2 and not style.parted
        return gated(tape, step, mlp.hidden, mlp.intermediate, fused, act=style.act)
    return plain(tape, step, mlp, style._replace(act="fused") if style.biased else style, given)
