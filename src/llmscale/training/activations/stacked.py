"""What gpt-oss's experts keep: rows sorted by expert, two grouped products with a bias, and a gate that is clamped.

Source: transformers 5.23.0 ``models/gpt_oss/modeling_gpt_oss.py`` (``_apply_gate``, the router's softmax over the
chosen alone), ``integrations/moe.py``, followed as the class keeps it when it is traced
(tests/truth/training_activations.json).
"""

from __future__ import annotations

from llmscale.model.blocks.mlp import StackedExperts
from llmscale.training.activations.graph import Graph, Value, alias, gradient, weight, work
from llmscale.training.activations.ops import INT64, Setting, multiply, scale

INT32 = 4
BOOL = 1


def stacked(graph: Graph, x: Value, block: StackedExperts, setting: Setting) -> Value:
    """A layer's experts."""
    rows, width = setting.rows * block.used, x.width
    logits, shares = _route(graph, x, block, setting)
    order = graph.keep(3 * rows * INT64 + block.experts * INT32)
    taken = graph.make([x], rows * block.hidden, width, keeps=[order], undo=[work(x.size), gradient()])
    sorted_shares = graph.make([shares], rows, width, undo=[work(shares.size), gradient()])
    wide_bias = graph.make([], rows * 2 * block.intermediate, width)
    both = _grouped(graph, taken, block.hidden, 2 * block.intermediate, block, setting)
    inner = _gated(graph, both)
    narrow_bias = graph.make([], rows * block.hidden, width)
    graph.hold(wide_bias)
    down = _grouped(graph, inner, block.intermediate, block.hidden, block, setting)
    spare = work(down.size)
    undo = [gradient(0), spare, gradient(1)]
    weighed = graph.make([down, sorted_shares], down.elements, width, keeps=[down, sorted_shares], undo=undo)
    places = graph.keep(rows * INT64)
    back = graph.make([weighed], down.elements, width, keeps=[places], undo=[spare, spare, gradient()])
    out = graph.make([back], x.elements, width, undo=[alias()])
    graph.hold(x, back, taken, narrow_bias, logits)
    return out


def _route(graph: Graph, x: Value, block: StackedExperts, setting: Setting) -> tuple[Value, Value]:
    """The router's logits, and the weights of the chosen experts."""
    chosen = setting.rows * block.used
    own = [weight(block.experts * (block.hidden + 1) * setting.width)] if setting.trains else []
    keeps = [x] if setting.trains else []
    undo = [gradient(), *own]
    logits = graph.make([x], setting.rows * block.experts, x.width, keeps=keeps, undo=undo, trains=setting.trains)
    indices = graph.keep(chosen * INT64)
    best = graph.make([logits], chosen, x.width, keeps=[indices], undo=[work(logits.size), gradient()])
    return logits, graph.make([best], chosen, x.width, undo=[gradient()], keeps_output=True)


def _grouped(graph: Graph, x: Value, inputs: int, outputs: int, block: StackedExperts, setting: Setting) -> Value:
    """Each row with its expert's matrix, its bias added in place."""
    bias = block.experts * outputs * setting.width
    own = [weight(inputs * bias), gradient(), work(bias), weight(bias)] if setting.trains else [gradient()]
    keeps = [x] if setting.trains else []
    return graph.make([x], x.elements // inputs * outputs, x.width, keeps=keeps, undo=own, trains=setting.trains)


def _gated(graph: Graph, both: Value) -> Value:
    """``(up + 1) * gate * sigmoid(1.702 * gate)``, gate and up clamped."""
    halves = [graph.view(both, [both.elements // 2], [gradient()])[0] for _ in range(2)]
    gate, up = (_clamped(graph, half) for half in halves)
    steep = scale(graph, gate)
    sigmoid = graph.make([steep], gate.elements, gate.width, undo=[gradient()], keeps_output=True)
    swish = multiply(graph, gate, sigmoid)
    more = graph.make([up], up.elements, up.width, undo=[alias()])
    made = multiply(graph, more, swish)
    graph.hold(up)
    return made


def _clamped(graph: Graph, x: Value) -> Value:
    inside = work(x.elements * BOOL)
    return graph.make([x], x.elements, x.width, keeps=[x], undo=[inside, gradient()])
