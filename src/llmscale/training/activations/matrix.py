"""A matrix in a model: in its own format, under autocast, or packed; with its adapter where it has one."""

from __future__ import annotations

from llmscale.training.activations.adapted import adapt, narrowed
from llmscale.training.activations.graph import Graph, Value, gradient, weight, work
from llmscale.training.activations.ops import HALF, Setting, cast


def linear(graph: Graph, x: Value, inputs: int, outputs: int, name: str, setting: Setting, bias: bool = False) -> Value:
    """A matrix, with its adapter where it has one."""
    rows = x.elements // inputs
    if setting.autocast and setting.width != HALF:
        base = _autocast(graph, x, inputs, outputs, setting, bias)
    elif setting.packed:
        base = _unpacked(graph, x, inputs, outputs)
    else:
        own = [weight((inputs + bias) * outputs * setting.width)] if setting.trains else []
        keeps = [x] if setting.trains else []
        base = graph.make([x], rows * outputs, x.width, keeps=keeps, undo=[*own, gradient()], trains=setting.trains)
    return adapt(graph, x, base, (inputs, outputs), setting) if name in setting.adapted else base


def _autocast(graph: Graph, x: Value, inputs: int, outputs: int, setting: Setting, bias: bool) -> Value:
    """A matrix in 16 bits: copies of its weight and of its input, both kept."""
    narrow = narrowed(graph, (inputs + bias) * outputs, setting.width, setting.trains)
    low = cast(graph, x, HALF)
    if not setting.trains:
        return graph.make([low], x.elements // inputs * outputs, HALF, keeps=[narrow], undo=[gradient()])
    made = [gradient(1), gradient(0)]
    return graph.make([low, narrow], x.elements // inputs * outputs, HALF, keeps=[low, narrow], undo=made)


def _unpacked(graph: Graph, x: Value, inputs: int, outputs: int) -> Value:
    """A matrix of 4 bits: unpacked both ways, nothing kept (bitsandbytes 0.50.2.dev0 ``autograd/_functions.py``).

    On CUDA that release multiplies few rows (at most 1,536) without unpacking; what is here is then too much.
    """
    matrix = inputs * outputs * HALF
    low = cast(graph, x, HALF)
    elements = x.elements // inputs * outputs
    made = graph.make([low], elements, HALF, undo=[work(matrix), gradient()], spare=matrix)
    return cast(graph, made, x.width)
