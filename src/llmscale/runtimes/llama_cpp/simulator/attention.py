"""Attention with its cache, as a part of a graph: grouped heads, and gated ones.

Source: llama.cpp commit 0c1e57098, `build_attn`, `build_attn_mha`, `build_qkv` of src/llama-graph.cpp.
"""

from __future__ import annotations

from math import prod

from llmscale.runtimes.llama_cpp.facts import AttentionFacts, LayerFacts
from llmscale.runtimes.llama_cpp.simulator import ops
from llmscale.runtimes.llama_cpp.simulator.caches import cache, columns_of, heads_of, rows, store, store_columns
from llmscale.runtimes.llama_cpp.simulator.context import GraphContext
from llmscale.runtimes.llama_cpp.simulator.ggml_types import CUDA_ALIGN
from llmscale.runtimes.llama_cpp.simulator.graph import GraphTensor


def rotated(x: GraphTensor, matrix: GraphTensor | None) -> GraphTensor:
    """A product with the Hadamard matrix, head by head (`llama_mul_mat_hadamard`); `x` itself where there is none."""
    if matrix is None:
        return x
    side = matrix.ne[0]
    count = prod(x.ne) // side
    flat = ops.reshape(x, side, count) if x.contiguous else ops.cont(x, side, count)
    return ops.reshape(ops.mul_mat(matrix, flat), *x.ne)


def store_and_attend(
    ctx: GraphContext,
    q: GraphTensor,
    own: tuple[GraphTensor, GraphTensor] | None,
    layer: LayerFacts,
    a: AttentionFacts,
) -> GraphTensor:
    """Store K and V and attend to all cells (`build_attn`), without the last projection.

    Args:
        own: K and V of the batch; None where the layer looks at those of an earlier one.
    """
    s = ctx.settings
    inputs = ctx.windowed if layer.windowed else ctx.full
    keys, values = a.kv_heads * a.key, a.kv_heads * a.value
    widest = values if s.flash_attention else inputs.widest
    k_cache, v_cache = cache(ctx, s.type_k, keys, inputs), cache(ctx, s.type_v, widest, inputs)
    q = rotated(q, inputs.k_rot)
    if own is None:
        ctx.graph.expand(q)
    else:
        k, v = rotated(own[0], inputs.k_rot), rotated(own[1], inputs.v_rot)
        for tensor in (q, k, v) if ctx.facts.window else (q, v, k):
            ctx.graph.expand(tensor)
        store(ctx, k_cache, rows(k, keys), inputs.k_ids)
        if s.flash_attention:
            store(ctx, v_cache, rows(v, values), inputs.v_ids)
        else:
            store_columns(ctx, v_cache, v, inputs)
    k_seen = heads_of(k_cache, a.key, a.kv_heads)
    v_seen = heads_of(v_cache, a.value, a.kv_heads) if s.flash_attention else columns_of(v_cache, a.value, a.kv_heads)
    out = attend(ctx, q, k_seen, v_seen, inputs.mask, ctx.weight(a.heads) if a.sinks else None)
    return rotated(out, inputs.v_rot)


def attend(
    ctx: GraphContext,
    q: GraphTensor,
    k: GraphTensor,
    v: GraphTensor,
    mask: GraphTensor,
    sinks: GraphTensor | None,
    decompress: int = 0,
) -> GraphTensor:
    """Attention proper (`build_attn_mha`); `decompress` is the width that latent values are expanded to."""
    streams = ctx.settings.streams
    head, heads, tokens, _ = q.ne
    q = ops.view(q, (head, heads, tokens // streams, streams), q.steps[:2])
    q, k, v = (ops.permute(x, 0, 2, 1, 3) for x in (q, k, v))
    expand = ctx.weight(v.ne[0], decompress, heads) if decompress else None
    if ctx.settings.flash_attention:
        out = ops.flash_attention(q, k, v, mask, sinks)
        if ctx.offload.cuda and ctx.offload.devices and ctx.settings.reserves_f16:
            out.extra = converted(k, v, bool(decompress), out.bytes)
        if expand:
            out = ops.mul_mat(expand, ops.permute(out, 0, 2, 1, 3))
            out = ops.cont(ops.permute(out, 0, 2, 1, 3))
        out = ops.reshape(out, out.ne[0] * out.ne[1], out.ne[2] * out.ne[3])
    else:
        scores = ops.like("soft_max", ops.mul_mat(k, q), mask, *([sinks] if sinks else []))
        if expand:
            v = ops.cont(ops.transpose(v))
        out = ops.mul_mat(v, scores)
        if expand:
            out = ops.mul_mat(expand, out)
        out = ops.permute(out, 0, 2, 1, 3)
        out = ops.cont(out, out.ne[0] * out.ne[1], out.ne[2] * out.ne[3])
        if not ctx.settings.kv_offload:
            out.pin = ctx.host
    ctx.graph.expand(out)
    return out


def attention(ctx: GraphContext, x: GraphTensor, layer: LayerFacts, a: AttentionFacts) -> GraphTensor:
    """Q, K and V, the attention, and the projection back."""
    if a.gate == "query":
        return gated_attention(ctx, x, layer, a)
    if a.borrowed:
        q = ops.reshape(ctx.linear(x, a.heads * a.key), a.key, a.heads, ctx.tokens)
        return ctx.linear(store_and_attend(ctx, ctx.rope(ctx.norm(q)), None, layer, a), ctx.facts.hidden)
    gate = ctx.linear(x, a.heads * a.value) if a.gate else None
    q, k, v = projected(ctx, x, a)
    if a.norm == "head":
        q, k = ctx.norm(q), ctx.norm(k)
    if a.value_norm:
        v = ops.like("rms_norm", v)
    if a.rope:
        q, k = ctx.rope(q), ctx.rope(k)
    if ctx.facts.tempered == "all" or (ctx.facts.tempered and not a.rope):
        q = ops.like("mul", q, ctx.temperature)
    if a.norm == "late":
        q, k = ctx.norm(q), ctx.norm(k)
    out = store_and_attend(ctx, q, (k, v), layer, a)
    if gate:
        out = ops.like("mul", out, ops.like("unary", gate))
    return ctx.linear(out, ctx.facts.hidden)


def projected(ctx: GraphContext, x: GraphTensor, a: AttentionFacts) -> tuple[GraphTensor, GraphTensor, GraphTensor]:
    """Q, K and V as heads: (head, heads, tokens) (`build_qkv`)."""
    tokens = ctx.tokens
    widths = (a.heads * a.key, a.kv_heads * a.key, a.kv_heads * a.value)
    shapes = ((a.key, a.heads, tokens), (a.key, a.kv_heads, tokens), (a.value, a.kv_heads, tokens))
    if a.fused:
        whole = ctx.linear(x, sum(widths))
        row, *_ = whole.steps
        if a.norm != "row":
            q, k, v = (ops.view(whole, shape, (4 * shape[0], row)) for shape in shapes)
            return q, k, v
        q, k, v = (ops.cont(ops.view(whole, (width, tokens), (row,))) for width in widths)
    else:
        q, k = ctx.linear(x, widths[0]), ctx.linear(x, widths[1])
        v = ctx.linear(x, widths[2]) if a.values == "own" else k
    if a.norm == "row":
        q, k = ctx.norm(q), ctx.norm(k)
    q, k, v = (ops.reshape(t, *shape) for t, shape in zip((q, k, v), shapes, strict=True))
    return q, k, v


def gated_attention(ctx: GraphContext, x: GraphTensor, layer: LayerFacts, a: AttentionFacts) -> GraphTensor:
    """Attention whose query projection makes a gate beside each head (Qwen3-Next)."""
    tokens, width = ctx.tokens, a.heads * a.key
    both = ops.reshape(ctx.linear(x, 2 * width), 2 * a.key, a.heads, tokens)
    k = ops.reshape(ctx.linear(x, a.kv_heads * a.key), a.key, a.kv_heads, tokens)
    v = ops.reshape(ctx.linear(x, a.kv_heads * a.value), a.value, a.kv_heads, tokens)
    q, gate = (ops.view(both, (a.key, a.heads, tokens), both.steps) for _ in range(2))
    out = store_and_attend(ctx, ctx.rope(ctx.norm(q)), (ctx.rope(ctx.norm(k)), v), layer, a)
    return ctx.linear(ops.like("mul", out, ops.like("unary", ops.cont(gate, width, tokens))), ctx.facts.hidden)


def converted(k: GraphTensor, v: GraphTensor, shared: bool, size: int) -> int:
    """Bytes behind the result of attention where CUDA keeps f16 copies of a quantised cache for a prompt's batch.

    Source: ggml/src/ggml-cuda/fattn-common.cuh (`ggml_cuda_flash_attn_ext_get_f16_extra_data`).
    """
    end = size
    for read in (k,) if shared else (k, v):
        if read.kind != "f16":
            end = -(-end // CUDA_ALIGN) * CUDA_ALIGN + 2 * prod(read.ne)
    return end - size
