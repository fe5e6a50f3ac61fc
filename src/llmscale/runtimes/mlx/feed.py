"""Feed-forward blocks in MLX's graph, and experts, which work on a token's copies: one for each that it takes.

Read in mlx-lm 0.32.2, ``qwen3_moe.py`` and ``switch_layers.py`` of ``mlx_lm/models``.
"""

from __future__ import annotations

from collections.abc import Callable

from llmscale.runtimes.mlx.encoder import Array, view
from llmscale.runtimes.mlx.graph import Graph
from llmscale.runtimes.mlx.parts import Feed

#: Bits of a router.
ROUTER_BITS = 8.5
#: An array times a matrix of (outputs, inputs).
Times = Callable[[Array, int, int], Array]


def feed_forward(feed: Feed, graph: Graph, source: Array) -> Array:
    """What the block makes of the normed residual stream."""
    if feed.experts > 1:
        return _experts(feed, graph, source)
    return _gated(feed, graph, graph.matrix, source, graph.chunk.rows)


def _gated(feed: Feed, graph: Graph, times: Times, source: Array, rows: int) -> Array:
    up = times(source, feed.width, graph.hidden)
    inputs = (times(source, feed.width, graph.hidden), up) if feed.gated else (up,)
    product = graph.op(inputs, rows * feed.width, tuple(range(len(inputs))))
    return times(product, graph.hidden, feed.width)


def _experts(feed: Feed, graph: Graph, source: Array) -> Array:
    rows, copies = graph.chunk.rows, graph.chunk.rows * feed.used
    shares = graph.matrix(source, feed.experts, graph.hidden, bits=min(ROUTER_BITS, graph.chunk.bits))
    shares = graph.op((shares,), shares.elements, (0,))
    sorting = graph.op((shares,), shares.elements, itemsize=4)
    chosen, share = view(sorting), graph.op((shares, view(sorting)), copies)
    order = graph.op((chosen,), copies, itemsize=4)
    back = graph.op((order,), copies, itemsize=4)
    token = graph.op((order,), copies, itemsize=4)
    each = graph.op((chosen, order), copies, itemsize=4)
    spread = graph.op((source, token), copies * graph.hidden)

    def times(array: Array, outputs: int, inputs: int) -> Array:
        weights = graph.weights(feed.experts * inputs * outputs, graph.chunk.bits)
        return graph.op((array, *weights, each), copies * outputs)

    out = _gated(feed, graph, times, spread, copies)
    out = graph.op((out, back), copies * graph.hidden)
    out = graph.op((out, share), out.elements, (0,))
    return graph.op((out,), rows * graph.hidden)
