"""DeepSeek's sparse attention: an indexer scores all cells, and attention sees the best of them.

The mask that lets the best through is made anew in each layer, and so is the tensor of zeros that it is made with; the
graph holds all layers' zeros from the start.

Source: llama.cpp commit 0c1e57098, src/models/deepseek32.cpp and `build_attn` for `llm_graph_input_attn_k_dsa` of
src/llama-graph.cpp.
"""

from __future__ import annotations

from llmscale.runtimes.llama_cpp.facts import IndexerFacts
from llmscale.runtimes.llama_cpp.simulator import ops
from llmscale.runtimes.llama_cpp.simulator.caches import cache, heads_of, store
from llmscale.runtimes.llama_cpp.simulator.context import GraphContext
from llmscale.runtimes.llama_cpp.simulator.graph import GraphTensor
from llmscale.runtimes.llama_cpp.simulator.inputs import IndexerInputs


def best(ctx: GraphContext, x: GraphTensor, compressed: GraphTensor, i: IndexerFacts) -> GraphTensor:
    """The positions of the cells that each token attends to."""
    tokens, streams = ctx.tokens, ctx.settings.streams
    inputs = ctx.indexer_inputs = ctx.indexer_inputs or IndexerInputs(i, tokens, ctx.full.cells, streams)
    q = ctx.rope(ops.reshape(ctx.linear(compressed, i.heads * i.head), i.head, i.heads, tokens))
    k = ctx.rope(ops.reshape(ctx.norm(ctx.linear(x, i.head), kind="layer"), i.head, 1, tokens))
    q, k = ops.mul_mat(inputs.rotation, q), ops.mul_mat(inputs.rotation, k)
    kept = cache(ctx, ctx.settings.type_k, i.head, ctx.full)
    store(ctx, kept, ops.view(k, (i.head, tokens)), inputs.ids)
    each = tokens // streams
    weights = ctx.linear(x, i.heads)
    weights = ops.like("scale", ops.view(weights, (i.heads, each, 1, streams)))
    q = ops.view(q, (i.head, i.heads, each, streams))
    row = ctx.full.cells
    seen = heads_of(kept, i.head, 1)
    score = GraphTensor("lightning_indexer", "f32", (row, each, 1, streams), (q, seen, weights, inputs.mask))
    top = GraphTensor("top_k", "i32", (min(row, i.top), each, 1, streams), (score,))
    return ops.cont(top)


def masked(mask: GraphTensor, chosen: GraphTensor) -> GraphTensor:
    """The mask with all but the chosen cells closed."""
    cells, each, _, streams = mask.ne
    closed = ops.reshape(ops.like("fill", mask), 1, cells, each, streams)
    zeros = ops.like("fill", GraphTensor("none", "f32", (1, chosen.ne[0], each, streams)))
    opened = ops.set_rows(closed, zeros, ops.reshape(chosen, chosen.ne[0], each, streams))
    return ops.like("add", ops.reshape(opened, cells, each, 1, streams), mask)
