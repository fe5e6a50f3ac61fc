"""What attention keeps: projections, rotary positions, and the kernel's own.

Sources: transformers 5.23.0 ``integrations/sdpa_attention.py`` (K and V are repeated where there is a mask),
``models/llama/modeling_llama.py`` (eager), ``models/{gpt2,phi3}`` (fused projections), ``models/gpt_oss`` (sinks);
torch 2.13.0: the fused kernel keeps Q, K, V, its output and an FP32 log-sum-exp a head and token.
"""

from __future__ import annotations

from llmscale.model.blocks.attention import Attention
from llmscale.training.activations.graph import Graph, Value, alias, gradient, weight, work
from llmscale.training.activations.matrix import linear
from llmscale.training.activations.ops import (
    FP32,
    INT64,
    Setting,
    cast,
    copy,
    heads,
    layer_norm,
    needed,
    rms_norm,
    rotary,
    rotary_by_halves,
    scale,
)
from llmscale.training.activations.style import Trait

Scored = tuple[Value, list[Value]]


def attend(
    graph: Graph,
    x: Value,
    block: Attention,
    prefix: str,
    setting: Setting,
    style: Trait,
    memory: Value | None = None,
) -> Value:
    """A layer's attention; to `memory`, where it crosses over to what an encoder made."""
    read = memory if memory and block.source == "cross" else x
    q, k, v = project(graph, x, read, block, prefix, setting)
    if block.qk_norm:
        q, k = (_head_norm(graph, each, block, setting, style) for each in (q, k))
    if style.rotary_by_halves:
        before, (q, k) = (q, k), (rotary_by_halves(graph, q), rotary_by_halves(graph, k))
        graph.hold(*before)
    elif style.rotary:
        q, k = rotary(graph, q, setting), rotary(graph, k, setting)
    if style.rotary_joined:
        q, k = copy(graph, q), copy(graph, k)
    if style.copied:
        q, k, v = copy(graph, scale(graph, q)), copy(graph, k), copy(graph, v)
    made, shares = scores(graph, (q, k, v), block, setting, style)
    if (style.rotary_joined or style.copied) and not setting.eager:
        made = copy(graph, made)
    inner = block.heads * (block.v_head_dim or block.head_dim)
    out = linear(graph, made, inner, block.hidden, f"{prefix}{block.names[-1]}", setting, block.out_bias)
    graph.hold(x, k, v, *shares)
    return out


def scores(graph: Graph, qkv: tuple[Value, Value, Value], block: Attention, setting: Setting, style: Trait) -> Scored:
    """What queries, keys and values make, by single operations or one kernel, and what of it the class still names."""
    if block.sinks:
        return _with_sinks(graph, *qkv, block, setting)
    if setting.eager:
        return _eager(graph, *qkv, block, setting, style)
    return _fused(graph, *qkv, block, setting)


def project(
    graph: Graph, x: Value, read: Value, block: Attention, prefix: str, setting: Setting
) -> tuple[Value, Value, Value]:
    """Queries of `x`, keys and values of what is `read`."""
    q, k = block.heads * block.head_dim, block.kv_heads * block.head_dim
    v = block.kv_heads * (block.v_head_dim or block.head_dim)
    if len(block.names) == 2:
        fused = linear(graph, x, block.hidden, q + k + v, f"{prefix}{block.names[0]}", setting, block.qkv_bias)
        parts = graph.view(fused, [setting.rows * width for width in (q, k, v)], [gradient()])
        return parts[0], parts[1], parts[2]
    biases = (block.qkv_bias, block.qkv_bias if block.k_bias is None else block.k_bias, block.qkv_bias)
    made = [
        linear(graph, taken, block.hidden, width, f"{prefix}{name}", setting, bias)
        for name, taken, width, bias in zip(block.names, (x, read, read), (q, k, v), biases, strict=False)
    ]
    return heads(graph, made[0]), heads(graph, made[1]), made[2]


def _head_norm(graph: Graph, x: Value, block: Attention, setting: Setting, style: Trait) -> Value:
    if block.qk_norm_bias:
        return layer_norm(graph, x, block.head_dim, setting)
    return rms_norm(graph, x, block.head_dim, setting, style.norm)


def _repeat(graph: Graph, x: Value, block: Attention, whole: bool = False) -> Value:
    """Keys or values of a group, once for each of its query heads; of one group without a copy, unless a product needs
    the `whole` as one."""
    elements = x.elements // block.kv_heads * block.heads
    if block.heads == block.kv_heads:
        return x
    if block.kv_heads == 1 and not whole:
        return graph.view(x, [elements], [gradient()])[0]
    return graph.make([x], elements, x.width, undo=[gradient()])


def _fused(graph: Graph, q: Value, k: Value, v: Value, block: Attention, setting: Setting) -> Scored:
    masked = setting.masked or (setting.windows and block.window is not None and setting.seq >= block.window)
    mask = []
    if masked:
        k, v = _repeat(graph, k, block), _repeat(graph, v, block)
        mask = [graph.keep(setting.rows * setting.seq * setting.width)]
    elements = setting.rows * block.heads * (block.v_head_dim or block.head_dim)
    sums = graph.keep(setting.rows * block.heads * FP32)
    undo = [gradient(0), gradient(1), gradient(2)]
    keeps = [q, k, v, *mask, sums]
    made = graph.make([q, k, v], elements, q.width, keeps=keeps, undo=undo, keeps_output=True, costly="kernel")
    return made, []


def _eager(graph: Graph, q: Value, k: Value, v: Value, block: Attention, setting: Setting, style: Trait) -> Scored:
    keys, values = (_repeat(graph, each, block, setting.batch > 1) for each in (k, v))
    asked = keys.elements // (setting.batch * block.heads * block.head_dim)
    squares = setting.rows * asked * block.heads
    both = [gradient(0), gradient(1)]
    scores = graph.make([q, keys], squares, q.width, keeps=needed(q, keys), undo=both, costly="biased")
    masked = copy(graph, scale(graph, scores))
    wide = cast(graph, masked, FP32) if style.scores_in_fp32 else masked
    soft = graph.make([wide], squares, wide.width, undo=[gradient()], keeps_output=True, holds=[masked])
    shares = cast(graph, soft, q.width, [masked])
    elements = setting.rows * block.heads * (block.v_head_dim or block.head_dim)
    undo, keeps = [gradient(1), gradient(0)], needed(shares, values)
    made = graph.make([shares, values], elements, q.width, keeps=keeps, undo=undo, costly="biased")
    out = copy(graph, made)
    return out, [shares]


def _with_sinks(graph: Graph, q: Value, k: Value, v: Value, block: Attention, setting: Setting) -> Scored:
    """gpt-oss's: a column of learnt scores beside those of the keys, the largest taken off, then a softmax."""
    keys, values = (_repeat(graph, each, block, setting.batch > 1) for each in (k, v))
    rows, width = setting.rows * block.heads, q.width
    squares, wider = rows * setting.seq, rows * (setting.seq + 1)
    scores = graph.make([q, keys], squares, width, keeps=needed(q, keys), undo=[gradient(1), gradient(0)])
    masked = copy(graph, scale(graph, scores))
    own = [weight(block.heads * width)] if setting.trains else []
    joined = graph.make([masked], wider, width, undo=[*own, alias()])
    lost, index = work(wider * width), graph.keep(rows * INT64)
    largest = graph.make([joined], rows, width, keeps=[index], undo=[lost, gradient()])
    shifted = graph.make([joined, largest], wider, width, undo=[alias(0), lost, gradient(1)])
    soft = graph.make([shifted], wider, width, undo=[gradient()], keeps_output=True, holds=[masked])
    shares = graph.view(soft, [squares], [gradient()])[0]
    elements = setting.rows * block.heads * block.head_dim
    made = graph.make([shares, values], elements, width, keeps=needed(shares, values), undo=[gradient(1), gradient(0)])
    out = copy(graph, made)
    graph.hold(shifted)
    return out, [shares]
