"""What reading one chunk of a prompt takes besides weights and caches.

The last layers stand for all: then all caches are there, and no more than those are under way.
"""

from __future__ import annotations

from functools import cache, singledispatch

from llmscale.runtimes.mlx.attention import attend, attend_latent
from llmscale.runtimes.mlx.chunk import Chunk
from llmscale.runtimes.mlx.encoder import Array, peak_bytes
from llmscale.runtimes.mlx.feed import feed_forward
from llmscale.runtimes.mlx.graph import Graph
from llmscale.runtimes.mlx.parts import Attend, Latent, Layer, Mixer, Recur
from llmscale.runtimes.mlx.recurrent import recur


@cache
def besides(layers: tuple[Layer, ...], hidden: int, chunk: Chunk) -> int:
    """The most bytes that are taken while a chunk is read, without weights and without the caches as they are then."""
    graph = Graph(hidden, chunk)
    residual = graph.op((graph.scalar,), chunk.rows * hidden)
    for layer in layers:
        for mixer in layer.mixers:
            residual = graph.added(residual, mix(mixer, graph, graph.normed(residual)))
        source = graph.normed(residual) if layer.feeds else residual
        for feed in layer.feeds:
            residual = graph.added(residual, feed_forward(feed, graph, source))
    return max(0, peak_bytes(graph.kept or [residual], graph.first, graph.old) - graph.after)


@singledispatch
def mix(mixer: Mixer, graph: Graph, source: Array) -> Array:
    """What a mixer makes of the normed residual stream.

    Raises:
        TypeError: it has no entry here.
    """
    raise TypeError(f"MLX's graph has no {type(mixer).__name__}.")


mix.register(Attend, attend)
mix.register(Latent, attend_latent)
mix.register(Recur, recur)
