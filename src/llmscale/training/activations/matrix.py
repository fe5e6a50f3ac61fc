"""A matrix in a model: in its own format, under autocast, or packed; with its adapter where it has one."""

from __future__ import annotations

from llmscale.training.activations.adapted import adapt, narrowed
from llmscale.training.activations.graph import Graph, Value, gradient, weight, work
from llmscale.training.activations.ops import HALF, Setting, cast


def linear(graph: Graph, x: Value, inputs: int, outputs: int, name: str, setting: Setting, bias: bool = False) -> Value:
    """A matrix, with its adapter where it has one."""
    rows, costly = x.elements // inputs, "biased" if bias else "product"
    if setting.autocast and setting.width != HALF:
        base = _autocast(graph, x, inputs, outputs, setting, bias)
    elif setting.packed:
        base = _unpacked(graph, x, inputs, outputs)
    else:
        own = [weight((inputs + bias) * outputs * setting.width)] if setting.trains else []
        keeps = [x] if setting.trains else []
        undo = [*own, gradient()]
        base = graph.make([x], rows * outputs, x.width, keeps=keeps, undo=undo, trains=setting.trains, costly=costly)
    return adapt(graph, x, base, (inputs, outputs), setting) if name in setting.adapted else base


def _autocast(graph: Graph, x: Value, inputs: int, outputs: int, setting: Setting, bias: bool) -> Value:
    """A matrix in 16 bits: copies of its weight and of its input, both kept."""
    narrow = narrowed(graph, (inputs + bias) * outputs, setting.width, setting.trains)
    low, costly = cast(graph, x, HALF), "biased" if bias else "product"
    elements = x.elements // inputs * outputs
    if not setting.trains:
        return graph.make([low], elements, HALF, keeps=[narrow], undo=[gradient()], costly=costly)
    made = [gradient(1), gradient(0)]
    return graph.make([low, narrow], elements, HALF, keeps=[low, narrow], undo=made, costly=costly)


def _unpacked(graph: Graph, x: Value, inputs: int, outputs: int) -> Value:
    """A matrix of 4 bits: unpacked both ways, nothing kept (bitsandbytes 0.50.2.dev0 ``autograd/_functions.py``).

    On CUDA that release multiplies few rows (at most 1,536) without unpacking; what is here is then too much.
    """
    matrix = inputs * outputs * HALF
    low = cast(graph, x, HALF)
    elements = x.elements // inputs * outputs
    made = graph.make([low], elements, HALF, undo=[work(matrix), gradient()], spare=matrix, costly="product")
    return cast(graph, made, x.width)
