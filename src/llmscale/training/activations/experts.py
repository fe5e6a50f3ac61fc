"""What a mixture of experts keeps: the router, the rows sorted by expert, and two grouped products.

Sources: transformers 5.23.0 ``models/mixtral/modeling_mixtral.py`` (router), ``integrations/moe.py`` (grouped products
over tokens x top-k rows); the routing weights are FP32, and with them the weighted rows.
"""

from __future__ import annotations

from typing import Union

from llmscale.model.blocks.mlp import MixtureOfExperts
from llmscale.training.activations.graph import Graph, Value, gradient, weight, work
from llmscale.training.activations.matrix import linear
from llmscale.training.activations.ops import FP32, INT64, Setting, activation, add, cast, multiply
from llmscale.training.activations.style import Trait

INT32 = 4
#: A set of matrices with adapters, and both factors of these; or nothing.
Summed = Union[tuple[None], tuple[Value, Value, Value]]


def mixture(graph: Graph, x: Value, block: MixtureOfExperts, prefix: str, setting: Setting, style: Trait) -> Value:
    """A layer's experts, those that all tokens take added."""
    routed = _routed(graph, x, block, setting, style)
    if not block.shared:
        return routed
    width, name = block.shared, f"{prefix}{block.shared_name}."
    act = activation(graph, linear(graph, x, block.hidden, width, f"{name}gate_proj", setting))
    up = linear(graph, x, block.hidden, width, f"{name}up_proj", setting)
    out = linear(graph, multiply(graph, act, up), width, block.hidden, f"{name}down_proj", setting)
    return add(graph, routed, out)


def _routed(graph: Graph, x: Value, block: MixtureOfExperts, setting: Setting, style: Trait) -> Value:
    shares = _route(graph, x, block, setting, style)
    wide_shape, narrow_shape = (block.hidden, 2 * block.intermediate), (block.intermediate, block.hidden)
    rows = setting.rows * block.used
    order = graph.keep(3 * rows * INT64 + block.experts * INT32)
    taken = graph.make([x], rows * block.hidden, x.width, keeps=[order], undo=[work(x.size), gradient()])
    sorted_shares = graph.make([shares], rows, FP32, undo=[gradient()])
    wide_stack, *wide_factors = _stack(graph, "gate", 2, wide_shape, block, setting)
    both = _grouped(graph, taken, wide_shape, block, setting, wide_stack)
    gate, up = graph.view(both, [both.elements // 2] * 2, [gradient()])
    inner = multiply(graph, activation(graph, gate), up)
    narrow_stack, *narrow_factors = _stack(graph, "down", 1, narrow_shape, block, setting)
    down = _grouped(graph, inner, narrow_shape, block, setting, narrow_stack)
    weighted = _weigh(graph, down, sorted_shares)
    wide = weighted.size
    still = [shares, taken, down]  # by variables of the function
    back = graph.make([weighted], weighted.elements, FP32, undo=[work(wide), gradient()], holds=still)
    total = graph.make([back], x.elements, FP32, undo=[gradient()], holds=still)
    out = cast(graph, total, x.width, [back])
    graph.hold(x, back, total, taken, down)
    # The wrapped experts hold their sums, and what these are made of, until they return.
    graph.hold(*wide_factors, *narrow_factors, *(stack for stack in (wide_stack, narrow_stack) if stack))
    return out


def _route(graph: Graph, x: Value, block: MixtureOfExperts, setting: Setting, style: Trait) -> Value:
    """The weights of the chosen experts."""
    own = [weight(block.experts * block.hidden * setting.width)] if setting.trains else []
    seen = cast(graph, x, FP32) if style.router_in_fp32 else x
    keeps = [seen] if setting.trains else []
    if style.router_in_fp32 and setting.width != FP32:  # the matrix is copied, for the gradient of what it multiplies
        keeps.append(graph.keep(block.experts * block.hidden * FP32))
        own = [work(block.experts * block.hidden * FP32), *own]
    if "router" in setting.experts:
        matrix, *_ = _summed(graph, 1, (block.hidden, block.experts), setting.rank, setting)
        logits = graph.make(
            [seen, matrix],
            setting.rows * block.experts,
            seen.width,
            keeps=[seen, matrix],
            undo=[gradient(1), gradient(0)],
        )
        return _chosen(graph, logits, block, setting, style)
    logits = graph.make(
        [seen], setting.rows * block.experts, seen.width, keeps=keeps, undo=[*own, gradient()], trains=setting.trains
    )
    return _chosen(graph, logits, block, setting, style)


def _chosen(graph: Graph, logits: Value, block: MixtureOfExperts, setting: Setting, style: Trait) -> Value:
    chosen = setting.rows * block.used
    chances = graph.make([cast(graph, logits, FP32)], logits.elements, FP32, undo=[gradient()], keeps_output=True)
    indices = graph.keep(chosen * INT64)
    best = graph.make([chances], chosen, FP32, keeps=[indices], undo=[work(chances.size), gradient()])
    if not style.renormalised:
        return graph.make([best], chosen, FP32, undo=[gradient()])
    before = graph.keep(chosen * FP32 + setting.rows * FP32)
    return graph.make([best], chosen, FP32, keeps=[before], undo=[gradient()])


def _stack(
    graph: Graph, part: str, times: int, shape: tuple[int, int], block: MixtureOfExperts, setting: Setting
) -> Summed:
    """All experts' matrices with adapters, where the part has some."""
    if part not in setting.experts:
        return (None,)
    return _summed(graph, block.experts, shape, times * setting.rank, setting)


def _grouped(
    graph: Graph, x: Value, shape: tuple[int, int], block: MixtureOfExperts, setting: Setting, stack: Value | None
) -> Value:
    """A product of each row with its expert's matrix; all experts' matrices have a gradient."""
    inputs, outputs = shape
    elements = x.elements // inputs * outputs
    if stack:
        return graph.make([x, stack], elements, x.width, keeps=[x, stack], undo=[gradient(1), gradient(0)])
    own = [weight(block.experts * inputs * outputs * setting.width)] if setting.trains else []
    keeps = [x] if setting.trains else []
    return graph.make([x], elements, x.width, keeps=keeps, undo=[*own, gradient()], trains=setting.trains)


def _summed(
    graph: Graph, experts: int, shape: tuple[int, int], rank: int, setting: Setting
) -> tuple[Value, Value, Value]:
    """A whole set of matrices with their adapters' products added, which autograd keeps (peft's ``ParamWrapper``)."""
    inputs, outputs = shape
    low, high = (_factor(graph, experts * rank * width, setting) for width in (inputs, outputs))
    elements = experts * inputs * outputs
    undo = [gradient(0), gradient(1)]
    return graph.make([low, high], elements, setting.width, keeps=[low, high], undo=undo), low, high


def _factor(graph: Graph, elements: int, setting: Setting) -> Value:
    """A or B in the matrices' format: a copy where it is in another."""
    made = graph.make([], elements, setting.width, undo=[weight(elements * setting.adapter)], trains=True)
    if setting.adapter == setting.width:
        graph.sizes[made.storage] = 0
    return made


def _weigh(graph: Graph, x: Value, shares: Value) -> Value:
    wide = work(x.elements * FP32)
    undo = [wide, wide, gradient(0), gradient(1)] if x.width != FP32 else [gradient(0), wide, gradient(1)]
    return graph.make([x, shares], x.elements, FP32, keeps=[x, shares], undo=undo)
