"""What an adapter keeps beside a matrix: LoRA's two products, and with DoRA the matrix's own, each by a magnitude.

DoRA's norm of each row is of the whole matrix with its adapter added, made by sending an identity through the adapter:
that is what a layer takes most of while it runs. Sources: peft 0.21.2 ``tuners/lora/layer.py`` (an adapter casts its
input to its own format), ``tuners/lora/dora.py`` (``DoraLinearLayer.forward``), followed as they keep it when they are
traced (tests/truth/training_activations.json).
"""

from __future__ import annotations

from llmscale.training.activations.graph import Graph, Value, alias, gradient, weight, work
from llmscale.training.activations.ops import HALF, Setting, add, cast, scale


def adapt(graph: Graph, x: Value, base: Value, shape: tuple[int, int], setting: Setting) -> Value:
    """LoRA beside a matrix: its input in the adapter's format, A, B, the factor, and the sum."""
    if setting.magnitudes:
        return _dora(graph, x, base, shape, setting)
    inputs, outputs = shape
    copy = cast(graph, x, setting.adapter)
    low = _factor(graph, copy, inputs, setting.rank, setting)
    high = _factor(graph, low, setting.rank, outputs, setting)
    scaled = scale(graph, high, [copy])
    if setting.packed and base.width > scaled.width:  # ``tuners/lora/bnb.py`` brings it to the product's before the sum
        scaled = cast(graph, scaled, base.width, [copy])
    both = add(graph, base, scaled, [copy])
    return cast(graph, both, base.width, [copy, x])


def _dora(graph: Graph, x: Value, base: Value, shape: tuple[int, int], setting: Setting) -> Value:
    """An adapter with magnitudes beside a matrix's product."""
    inputs, outputs = shape
    width = setting.adapter
    copy = cast(graph, x, width)
    whole = [graph.make([], elements, width) for elements in (inputs * inputs, inputs * outputs)]
    if width != setting.width:
        whole.append(graph.make([], inputs * outputs, width))
    norm = graph.make([], outputs, width, spare=2 * inputs * outputs * width)
    magnitude = graph.make([norm], outputs, width, keeps=[norm], undo=[weight(outputs * width)], trains=True)
    low = _factor(graph, copy, inputs, setting.rank, setting)
    high = _factor(graph, low, setting.rank, outputs, setting)
    less = graph.make([magnitude], outputs, width, undo=[alias()])
    lost = work(base.elements * width)
    undo = [lost, gradient(0), lost, gradient(1)]
    moved = graph.make([less, base], base.elements, width, keeps=[less, base], undo=undo)
    undo = [lost, gradient(0), gradient(1)]
    scaled = graph.make([magnitude, high], base.elements, width, keeps=[magnitude, high], undo=undo)
    both = add(graph, moved, scale(graph, scaled))
    graph.hold(*whole)
    return cast(graph, add(graph, base, both, [copy]), base.width, [copy, x])


def narrowed(graph: Graph, elements: int, width: int, trains: bool) -> Value:
    """A weight in 16 bits; autocast keeps the copy of one that is trained to the end of the forward pass."""
    own = [weight(elements * width)] if trains else []
    narrow = graph.make([], elements, HALF, undo=own, trains=trains)
    if width == HALF:
        graph.sizes[narrow.storage] = 0
    elif trains:
        graph.copies += narrow.size
    return narrow


def _factor(graph: Graph, x: Value, inputs: int, outputs: int, setting: Setting) -> Value:
    """A or B of an adapter; under autocast in 16 bits, by copies of what is in 32."""
    elements, rows = inputs * outputs, x.elements // inputs
    if setting.autocast:
        narrow, low = narrowed(graph, elements, setting.adapter, True), cast(graph, x, HALF)
        made = [gradient(1), gradient(0)]
        return graph.make([low, narrow], rows * outputs, HALF, keeps=[low, narrow], undo=made, costly="product")
    undo = [weight(elements * setting.adapter), gradient()]
    return graph.make([x], rows * outputs, x.width, keeps=[x], undo=undo, trains=True, costly="product")
