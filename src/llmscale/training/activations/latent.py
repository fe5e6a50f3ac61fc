"""What latent attention keeps: the low-rank factors with their norms, and heads put together of two halves.

Source: transformers ``models/deepseek_v2/modeling_deepseek_v2.py``, followed as its class keeps it when it is traced
(tests/truth/training_activations.json): rotation multiplies complex numbers in FP32 and keeps the table alone.
"""

from __future__ import annotations

from llmscale.model.blocks.attention import Attention, LatentAttention
from llmscale.training.activations.attention import scores
from llmscale.training.activations.composed import Parts, composed
from llmscale.training.activations.graph import Graph, Value, alias, gradient
from llmscale.training.activations.matrix import linear
from llmscale.training.activations.ops import FP32, Setting, cast, rms_norm
from llmscale.training.activations.style import Trait


def attend_latent(graph: Graph, x: Value, block: LatentAttention, prefix: str, setting: Setting, style: Trait) -> Value:
    """A layer's latent attention."""
    heads, wide = block.heads, block.nope + block.rope
    q = _query(graph, x, block, prefix, setting)
    q_nope, q_rope = graph.view(q, [setting.rows * heads * size for size in (block.nope, block.rope)], [gradient()])
    made = linear(
        graph, x, block.hidden, block.kv_rank + block.rope, f"{prefix}kv_a_proj_with_mqa", setting, block.bias
    )
    low, k_rope = graph.view(made, [setting.rows * size for size in (block.kv_rank, block.rope)], [gradient()])
    normed = rms_norm(graph, low, block.kv_rank, setting)
    both = linear(graph, normed, block.kv_rank, heads * (block.nope + block.v_head), f"{prefix}kv_b_proj", setting)
    k_nope, v = graph.view(both, [setting.rows * heads * size for size in (block.nope, block.v_head)], [gradient()])
    query = _joined(graph, q_nope, _turned(graph, q_rope), setting.rows * heads * wide)
    key = _joined(graph, k_nope, _turned(graph, k_rope), setting.rows * heads * wide)
    if setting.composes and block.v_head != wide:
        mask = graph.make([], (setting.rows if setting.masked else setting.seq) * setting.seq, FP32)
        parts = Parts(heads, block.v_head, setting.seq, scattered=False, mask=mask)
        made = composed(graph, query, key, v, parts, setting)
        shares: list[Value] = []
    else:
        whole = Attention(block.hidden, heads, heads, wide, block.v_head)
        made, shares = scores(graph, (query, key, v), whole, setting, style)
    out = linear(graph, made, heads * block.v_head, block.hidden, f"{prefix}o_proj", setting, block.bias)
    graph.hold(x, key, v, *shares)
    return out


def _query(graph: Graph, x: Value, block: LatentAttention, prefix: str, setting: Setting) -> Value:
    out = block.heads * (block.nope + block.rope)
    if block.q_rank is None:
        return linear(graph, x, block.hidden, out, f"{prefix}q_proj", setting)
    low = linear(graph, x, block.hidden, block.q_rank, f"{prefix}q_a_proj", setting, block.bias)
    return linear(graph, rms_norm(graph, low, block.q_rank, setting), block.q_rank, out, f"{prefix}q_b_proj", setting)


def _turned(graph: Graph, x: Value) -> Value:
    """Rotated as complex numbers."""
    wide = cast(graph, x, FP32)
    return cast(graph, graph.make([wide], x.elements, FP32, undo=[gradient()]), x.width)


def _joined(graph: Graph, x: Value, y: Value, elements: int) -> Value:
    return graph.make([x, y], elements, x.width, undo=[alias(0), gradient(1)])
