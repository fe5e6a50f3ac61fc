"""Multi-head latent attention, as a part of a graph.

Source: llama.cpp commit 0c1e57098, src/models/deepseek2.cpp.
"""

from __future__ import annotations

from llmscale.runtimes.llama_cpp.facts import LatentAttentionFacts
from llmscale.runtimes.llama_cpp.simulator import ops, sparse
from llmscale.runtimes.llama_cpp.simulator.attention import attend
from llmscale.runtimes.llama_cpp.simulator.caches import cache, heads_of, rows, store
from llmscale.runtimes.llama_cpp.simulator.context import GraphContext
from llmscale.runtimes.llama_cpp.simulator.graph import GraphTensor


def latent_attention(ctx: GraphContext, x: GraphTensor, a: LatentAttentionFacts) -> GraphTensor:
    """Multi-head latent attention with the key's projection absorbed into the query (`deepseek2`)."""
    graph, tokens, s = ctx.graph, ctx.tokens, ctx.settings
    compressed = ctx.norm(ctx.linear(x, a.q_rank)) if a.q_rank else x
    mask = ctx.full.mask
    if a.indexer:
        ctx.chosen_cells = sparse.best(ctx, x, compressed, a.indexer)
    if ctx.chosen_cells is not None:
        mask = sparse.masked(mask, ctx.chosen_cells)
    q = ops.reshape(ctx.linear(compressed, a.heads * (a.nope + a.rope)), a.nope + a.rope, a.heads, tokens)
    both = ctx.linear(x, a.kv_rank + a.rope)
    row, *_ = both.steps
    latent = ops.view(both, (a.kv_rank, tokens), (row,))
    k_rope = ops.view(both, (a.rope, 1, tokens), (row, row))
    q_nope, q_rope = (ops.view(q, (width, a.heads, tokens), q.steps) for width in (a.nope, a.rope))
    if a.rotated:
        q_rope, k_rope = ctx.rope(q_rope), ctx.rope(k_rope)
    latent = ctx.norm(latent)
    absorbed = ops.mul_mat(ctx.weight(a.nope, a.kv_rank, a.heads), ops.permute(q_nope, 0, 2, 1, 3))
    q = ops.concat(ops.permute(absorbed, 0, 2, 1, 3), q_rope, 0)
    v = ops.reshape(latent, a.kv_rank, 1, tokens)
    k = ops.concat(v, k_rope, 0)
    for tensor in (q, v, k):
        graph.expand(tensor)
    width = a.kv_rank + a.rope
    kept = cache(ctx, s.type_k, width, ctx.full)
    store(ctx, kept, rows(k, width), ctx.full.k_ids)
    seen = heads_of(kept, width, 1)
    v = ops.view(seen, (a.kv_rank, *seen.ne[1:]), seen.steps)
    out = attend(ctx, q, seen, v, mask, None, decompress=a.value)
    return ctx.linear(out, ctx.facts.hidden)
