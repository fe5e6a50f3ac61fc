"""The cache as the graph sees it: what is written to it, and what is read.

Source: llama.cpp commit 0c1e57098, `cpy_k`, `cpy_v`, `get_k` and `get_v` of src/llama-kv-cache.cpp.
"""

from __future__ import annotations

from math import prod

from llmscale.runtimes.llama_cpp.simulator import ops
from llmscale.runtimes.llama_cpp.simulator.context import GraphContext
from llmscale.runtimes.llama_cpp.simulator.ggml_types import row_bytes
from llmscale.runtimes.llama_cpp.simulator.graph import GraphTensor
from llmscale.runtimes.llama_cpp.simulator.inputs import CacheInputs


def cache(ctx: GraphContext, kind: str, width: int, inputs: CacheInputs) -> GraphTensor:
    """One layer's cache of keys or values."""
    device = ctx.device if ctx.settings.kv_offload else ctx.host
    return ops.stored(device, kind, width, inputs.cells, ctx.settings.streams)


def store(ctx: GraphContext, target: GraphTensor, values: GraphTensor, ids: GraphTensor) -> None:
    """Write a batch's keys or values, already one row a token, into a cache.

    llama.cpp sees the streams of several sequences as one first, which takes no memory.
    """
    ctx.graph.expand(ops.set_rows(target, values, ids))


def store_columns(ctx: GraphContext, target: GraphTensor, values: GraphTensor, inputs: CacheInputs) -> None:
    """Write a batch's values into a cache that holds them by column, as attention without flash wants it.

    llama.cpp sees both as single elements, which takes no memory.
    """
    head, heads, tokens, _ = values.ne
    width, widest = head * heads, target.ne[0]
    flat = ops.reshape(values, width, tokens) if dense(values) else ops.cont(values, width, tokens)
    if width < widest:
        flat = GraphTensor("pad", "f32", (widest, tokens, 1, 1), (flat,))
    single, elements = (ops.reshape(tensor, 1, prod(tensor.ne)) for tensor in (target, flat))
    ctx.graph.expand(ops.set_rows(single, elements, inputs.v_ids))


def rows(x: GraphTensor, width: int) -> GraphTensor:
    """Heads of a token side by side: one row a token."""
    _, between, _ = x.steps
    return ops.view(x, (width, x.ne[2]), (between,))


def dense(x: GraphTensor) -> bool:
    """Whether the heads of a token, and the tokens, follow each other without a gap."""
    _, between, _ = x.steps
    return x.ne[0] * x.ne[1] * 4 == between


def heads_of(cache: GraphTensor, head: int, count: int) -> GraphTensor:
    """A cache seen as heads: (head, heads, cells, streams)."""
    width, cells, streams, _ = cache.ne
    row = row_bytes(cache.kind, width)
    return ops.view(cache, (head, count, cells, streams), (row_bytes(cache.kind, head), row, row * cells))


def columns_of(cache: GraphTensor, head: int, count: int) -> GraphTensor:
    """A cache of values stored by column, as attention without flash wants it: (cells, heads, head, streams)."""
    width, cells, streams, _ = cache.ne
    row = row_bytes(cache.kind, cells)
    return ops.view(cache, (cells, count, head, streams), (row * head, row, row * width))
