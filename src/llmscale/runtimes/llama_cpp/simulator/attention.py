"""Attention with its cache, as a part of a graph: grouped heads, gated, and latent.

Source: llama.cpp commit 0c1e57098, `build_attn`, `build_attn_mha`, `build_qkv` of src/llama-graph.cpp, and
src/models/deepseek2.cpp.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from llmscale.runtimes.llama_cpp.facts import AttentionFacts, LatentAttentionFacts, LayerFacts
from llmscale.runtimes.llama_cpp.simulator import ops, sparse
from llmscale.runtimes.llama_cpp.simulator.caches import cache, columns_of, dense, heads_of, rows, store
from llmscale.runtimes.llama_cpp.simulator.ggml_types import CUDA_ALIGN
from llmscale.runtimes.llama_cpp.simulator.graph import GraphTensor

if TYPE_CHECKING:
    from llmscale.runtimes.llama_cpp.simulator.build import Builder


def rotated(x: GraphTensor, matrix: GraphTensor) -> GraphTensor:
    """A product with the Hadamard matrix, head by head (`llama_mul_mat_hadamard`)."""
    side = matrix.ne[0]
    count = prod(x.ne) // side
    flat = ops.reshape(x, side, count) if x.contiguous else ops.cont(x, side, count)
    return ops.reshape(ops.mul_mat(matrix, flat), *x.ne)


def attend(
    b: Builder, q: GraphTensor, k: GraphTensor | None, v: GraphTensor | None, layer: LayerFacts, a: AttentionFacts
) -> GraphTensor:
    """Store K and V and attend to all cells (`build_attn` and `build_attn_mha`), without the last projection."""
    graph, s = b.graph, b.settings
    inputs = b.windowed if layer.windowed else b.full
    keys, values = a.kv_heads * a.key, a.kv_heads * a.value
    widest = values if s.flash_attention else b.facts.widest_value
    k_cache, v_cache = cache(b, s.type_k, keys, inputs), cache(b, s.type_v, widest, inputs)
    if inputs.k_rot:
        q = rotated(q, inputs.k_rot)
    if k is None or v is None:
        graph.expand(q)
    else:
        k = rotated(k, inputs.k_rot) if inputs.k_rot else k
        v = rotated(v, inputs.v_rot) if inputs.v_rot else v
        for tensor in (q, k, v) if b.facts.window else (q, v, k):
            graph.expand(tensor)
        store(b, k_cache, rows(k, keys), inputs.k_ids)
        if s.flash_attention:
            store(b, v_cache, rows(v, values), inputs.v_ids)
        else:
            flat = ops.reshape(v, values, b.tokens) if dense(v) else ops.cont(v, values, b.tokens)
            if values < widest:
                flat = GraphTensor("pad", "f32", (widest, b.tokens, 1, 1), (flat,))
            single = ops.reshape(v_cache, 1, widest * inputs.cells * s.streams)
            graph.expand(ops.set_rows(single, ops.reshape(flat, 1, widest * b.tokens), inputs.v_ids))
    k_seen = heads_of(k_cache, a.key, a.kv_heads)
    v_seen = heads_of(v_cache, a.value, a.kv_heads) if s.flash_attention else columns_of(v_cache, a.value, a.kv_heads)
    sinks = b.weight(a.heads) if a.sinks else None
    out = mix(b, q, k_seen, v_seen, inputs.mask, sinks)
    return rotated(out, inputs.v_rot) if inputs.v_rot else out


def mix(
    b: Builder,
    q: GraphTensor,
    k: GraphTensor,
    v: GraphTensor,
    mask: GraphTensor,
    sinks: GraphTensor | None,
    decompress: int = 0,
) -> GraphTensor:
    """Attention proper; `decompress` is the width that latent values are expanded to."""
    streams = b.settings.streams
    head, heads, tokens, _ = q.ne
    each, nb = tokens // streams, q.strides
    q = ops.view(q, (head, heads, each, streams), (nb[0], nb[1], nb[2], nb[2] * each))
    q, k, v = (ops.permute(x, 0, 2, 1, 3) for x in (q, k, v))
    expand = b.weight(v.ne[0], decompress, heads) if decompress else None
    if b.settings.flash_attention:
        out = ops.flash_attention(q, k, v, mask, sinks)
        if b.offload.cuda and b.offload.devices:
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
        if not b.settings.kv_offload:
            out.pin = b.host
    b.graph.expand(out)
    return out


def attention(b: Builder, x: GraphTensor, layer: LayerFacts, a: AttentionFacts) -> GraphTensor:
    """Q, K and V, the attention, and the projection back."""
    tokens = b.tokens
    widths = (a.heads * a.key, a.kv_heads * a.key, a.kv_heads * a.value)
    shapes = ((a.key, a.heads, tokens), (a.key, a.kv_heads, tokens), (a.value, a.kv_heads, tokens))
    if a.gate == "query":
        return gated_attention(b, x, layer, a)
    if a.borrowed:
        q = b.rope(b.norm(ops.reshape(b.linear(x, widths[0]), *shapes[0])))
        return b.linear(attend(b, q, None, None, layer, a), b.facts.hidden)
    gate = b.linear(x, a.heads * a.value) if a.gate else None
    if a.fused:
        whole = b.linear(x, sum(widths))
        row = whole.strides[1]
        if a.norm == "row":
            q, k, v = (ops.cont(ops.view(whole, (w, tokens), (4, row))) for w in widths)
        else:
            q, k, v = (ops.view(whole, shape, (4, 4 * shape[0], row)) for shape in shapes)
    else:
        q, k = b.linear(x, widths[0]), b.linear(x, widths[1])
        v = b.linear(x, widths[2]) if a.values == "own" else k
    if a.norm == "row":
        q, k = b.norm(q), b.norm(k)
    if a.norm == "row" or not a.fused:
        q, k, v = (ops.reshape(t, *shape) for t, shape in zip((q, k, v), shapes, strict=True))
    if a.norm == "head":
        q, k = b.norm(q), b.norm(k)
    if a.value_norm:
        v = ops.like("rms_norm", v)
    if a.rope:
        q, k = b.rope(q), b.rope(k)
    if b.facts.tempered == "all" or (b.facts.tempered and not a.rope):
        q = ops.like("mul", q, b.temperature)
    if a.norm == "late":
        q, k = b.norm(q), b.norm(k)
    out = attend(b, q, k, v, layer, a)
    if gate:
        out = ops.like("mul", out, ops.like("unary", gate))
    return b.linear(out, b.facts.hidden)


def gated_attention(b: Builder, x: GraphTensor, layer: LayerFacts, a: AttentionFacts) -> GraphTensor:
    """Attention whose query projection makes a gate beside each head (Qwen3-Next)."""
    tokens, width = b.tokens, a.heads * a.key
    both = ops.reshape(b.linear(x, 2 * width), 2 * a.key, a.heads, tokens)
    k = ops.reshape(b.linear(x, a.kv_heads * a.key), a.key, a.kv_heads, tokens)
    v = ops.reshape(b.linear(x, a.kv_heads * a.value), a.value, a.kv_heads, tokens)
    q, gate = (ops.view(both, (a.key, a.heads, tokens), both.strides) for _ in range(2))
    out = attend(b, b.rope(b.norm(q)), b.rope(b.norm(k)), v, layer, a)
    return b.linear(ops.like("mul", out, ops.like("unary", ops.cont(gate, width, tokens))), b.facts.hidden)


def latent_attention(b: Builder, x: GraphTensor, layer: LayerFacts, a: LatentAttentionFacts) -> GraphTensor:
    """Multi-head latent attention with the key's projection absorbed into the query (`deepseek2`)."""
    graph, tokens, s = b.graph, b.tokens, b.settings
    compressed = b.norm(b.linear(x, a.q_rank)) if a.q_rank else x
    mask = b.full.mask
    if a.indexer:
        b.indexed = b.indexed or sparse.Inputs(b, a.indexer)
        b.best = sparse.best(b, x, compressed, a.indexer, b.indexed)
    if b.best is not None:
        mask = sparse.masked(mask, b.best)
    q = ops.reshape(b.linear(compressed, a.heads * (a.nope + a.rope)), a.nope + a.rope, a.heads, tokens)
    both = b.linear(x, a.kv_rank + a.rope)
    row = both.strides[1]
    latent = ops.view(both, (a.kv_rank, tokens), (4, row))
    k_rope = ops.view(both, (a.rope, 1, tokens), (4, row, row))
    q_nope, q_rope = (ops.view(q, (width, a.heads, tokens), q.strides) for width in (a.nope, a.rope))
    if a.rotated:
        q_rope, k_rope = b.rope(q_rope), b.rope(k_rope)
    latent = b.norm(latent)
    absorbed = ops.mul_mat(b.weight(a.nope, a.kv_rank, a.heads), ops.permute(q_nope, 0, 2, 1, 3))
    q = ops.concat(ops.permute(absorbed, 0, 2, 1, 3), q_rope, 0)
    v = ops.reshape(latent, a.kv_rank, 1, tokens)
    k = ops.concat(v, k_rope, 0)
    for tensor in (q, v, k):
        graph.expand(tensor)
    width = a.kv_rank + a.rope
    kept = cache(b, s.type_k, width, b.full)
    store(b, kept, rows(k, width), b.full.k_ids)
    seen = heads_of(kept, width, 1)
    v = ops.view(seen, (a.kv_rank, *seen.ne[1:]), seen.strides)
    out = mix(b, q, seen, v, mask, None, decompress=a.value)
    return b.linear(out, b.facts.hidden)


def converted(k: GraphTensor, v: GraphTensor, shared: bool, size: int) -> int:
    """Bytes behind the result of attention where CUDA keeps f16 copies of a quantised cache for a prompt's batch.

    Source: ggml/src/ggml-cuda/fattn-common.cuh (`ggml_cuda_flash_attn_ext_get_f16_extra_data`).
    """
    end = size
    for read in (k,) if shared else (k, v):
        if read.kind != "f16":
            end = -(-end // CUDA_ALIGN) * CUDA_ALIGN + 2 * prod(read.ne)
    return end - size
