"""Attention in MLX's graph: of heads, and of a latent.

Read in mlx-lm 0.32.2, ``qwen3.py``, ``qwen3_next.py`` and ``deepseek_v3.py`` of ``mlx_lm/models``, and in mlx 0.32.2,
``mlx/fast.cpp`` and ``mlx/backend/metal/scaled_dot_product_attention.cpp``. No scores are kept where K and V have heads
of 64, 72, 80, 96 or 128 elements in 16 bits. Any others (256 of Gemma and Qwen3.5), quantised caches and latent
attention do: heads x tokens of the chunk x tokens so far. (Chips with neural accelerators in the GPU, M5, need none for
256 either; that is left out.)
"""

from __future__ import annotations

from llmscale.runtimes.mlx.chunk import kept
from llmscale.runtimes.mlx.encoder import Array, stored, view
from llmscale.runtimes.mlx.graph import Graph
from llmscale.runtimes.mlx.parts import Attend, Latent

#: Elements of a head for which there is a kernel that keeps no scores.
FUSED = (64, 72, 80, 96, 128)


def attend(mixer: Attend, graph: Graph, source: Array) -> Array:
    """Attention of several heads; what it makes is as wide as the residual stream."""
    rows = graph.chunk.rows
    queries = graph.matrix(source, mixer.queries * (1 + mixer.gated), graph.hidden)
    gate = [view(queries)] if mixer.gated else []
    if mixer.gated:
        queries = graph.op((queries,), rows * mixer.queries)
    keys = [graph.matrix(source, mixer.keys, graph.hidden)] if mixer.keys else []
    values = [graph.matrix(source, mixer.values, graph.hidden)] if mixer.values else []
    if mixer.normed:
        queries, *keys = (graph.normed(array, mixer.head_dim) for array in (queries, *keys))
    # Rotary positions.
    queries, *keys = (graph.op((array,), array.elements) for array in (queries, *keys))
    if mixer.cached and keys and values:
        keys = [graph.cached(keys[0], mixer.keys, mixer.window)]
        values = [graph.cached(values[0], mixer.values, mixer.window)]
    out = _mix(mixer, graph, queries, (*keys, *values))
    if gate:
        out = graph.op((out, *gate), out.elements, (0,))
    return graph.matrix(out, graph.hidden, mixer.heads * mixer.value_dim)


def _mix(mixer: Attend, graph: Graph, queries: Array, known: tuple[Array, ...]) -> Array:
    """Q with K and V, where these are its own: by the kernel, or by way of scores."""
    chunk = graph.chunk
    outputs = chunk.rows * mixer.heads * mixer.value_dim
    if mixer.head_dim == mixer.value_dim and mixer.head_dim in FUSED and not chunk.quantised:
        return graph.op((queries, *known), outputs)
    seen = kept(chunk.total, mixer.window, chunk.tokens) if mixer.window else chunk.total
    scores = graph.scores((queries, *known[:1]), mixer.heads * chunk.rows * seen, graph.mask(seen))
    scores = graph.op((scores,), scores.elements, (0,))
    return graph.op((scores, *known[1:]), outputs)


def attend_latent(mixer: Latent, graph: Graph, source: Array) -> Array:
    """Latent attention: the cache holds the latent, of which K and V of all heads are made."""
    chunk, heads = graph.chunk, mixer.heads
    queries = _latent_queries(mixer, graph, source)
    compressed = graph.matrix(source, mixer.kv_rank + mixer.rope, graph.hidden)
    latent = graph.op((compressed, stored(mixer.kv_rank)), chunk.rows * mixer.kv_rank)
    rotated = graph.op((queries,), chunk.rows * heads * mixer.rope)
    key = graph.op((compressed,), chunk.rows * mixer.rope)
    latent, key = graph.cached(latent, mixer.kv_rank, None), graph.cached(key, mixer.rope, None)
    rotated = graph.op((rotated,), rotated.elements, (0,))
    positions = graph.scores((rotated, key), heads * chunk.rows * chunk.total, graph.mask(chunk.total))
    seen = chunk.sequences * chunk.total
    keys = graph.matrix(latent, heads * mixer.nope, mixer.kv_rank, seen)
    values = graph.matrix(latent, heads * mixer.v_head, mixer.kv_rank, seen)
    outputs = chunk.rows * heads * mixer.v_head
    if mixer.nope == mixer.v_head and mixer.nope in FUSED:
        out = graph.op((view(queries), keys, values, positions), outputs)
    else:
        scores = graph.op((view(queries), keys), positions.elements)
        scores = graph.op((graph.added(scores, positions),), scores.elements, (0,))
        out = graph.op((scores, values), outputs)
    return graph.matrix(out, graph.hidden, heads * mixer.v_head)


def _latent_queries(mixer: Latent, graph: Graph, source: Array) -> Array:
    """Q of all heads, by way of a lower rank where there is one."""
    width = mixer.heads * (mixer.nope + mixer.rope)
    if not mixer.q_rank:
        return graph.matrix(source, width, graph.hidden)
    inner = graph.normed(graph.matrix(source, mixer.q_rank, graph.hidden), mixer.q_rank)
    return graph.matrix(inner, width, mixer.q_rank)
