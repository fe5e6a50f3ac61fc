"""Feed-forwards and mixtures of experts, as parts of a graph.

Source: llama.cpp commit 0c1e57098, `build_ffn` and `build_moe_ffn` of src/llama-graph.cpp.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmscale.runtimes.llama_cpp.facts import ExpertsFacts, LayerFacts, MlpFacts
from llmscale.runtimes.llama_cpp.simulator import ops
from llmscale.runtimes.llama_cpp.simulator.graph import GraphTensor

if TYPE_CHECKING:
    from llmscale.runtimes.llama_cpp.simulator.build import Builder


def mlp(b: Builder, x: GraphTensor, width: int, form: str = "gated", moved: bool = False) -> GraphTensor:
    """A feed-forward (`build_ffn`)."""
    device, b.device = b.device, b.ffn_device if moved else b.device
    out = _mlp(b, x, width, form)
    b.device = device
    return out


def _mlp(b: Builder, x: GraphTensor, width: int, form: str) -> GraphTensor:
    match form:
        case "gated":
            up = b.linear(x, width)
            hidden = ops.glu(b.linear(x, width), up)
        case "fused":
            hidden = ops.glu(b.linear(x, 2 * width))
        case _:
            hidden = b.linear(x, width)
    return b.linear(hidden, b.facts.hidden)


def experts(b: Builder, x: GraphTensor, e: ExpertsFacts, logits: GraphTensor | None = None) -> GraphTensor:
    """A mixture of experts (`build_moe_ffn`), without the choice of groups first, which is small."""
    graph, tokens, hidden = b.graph, x.ne[1], e.latent or b.facts.hidden
    logits = logits or b.linear(x, e.experts)
    probs = logits if e.router == "weights" else ops.like("soft_max" if e.router == "softmax" else "unary", logits)
    choice = ops.like("add", probs, b.weight(e.experts)) if e.biased else probs
    if e.before:
        choice = logits
    chosen = ops.argsort_top_k(choice, e.used)
    weights = ops.get_rows(ops.reshape(probs, 1, e.experts, tokens), chosen)
    if e.router == "weights":
        weights = ops.reshape(ops.like("soft_max", ops.reshape(weights, e.used, tokens)), 1, e.used, tokens)
    if e.normed:
        flat = ops.reshape(weights, e.used, tokens)
        weights = ops.reshape(ops.like("div", flat, ops.like("clamp", ops.sum_rows(flat))), 1, e.used, tokens)
    graph.expand(weights)
    x = ops.reshape(b.linear(x, hidden) if e.latent else x, hidden, 1, tokens)
    if e.before:
        x = ops.like("mul", ops.repeat(x, hidden, e.used, tokens), weights)
    device, b.device = b.device, b.ffn_device
    width = 2 * e.width if e.merged else e.width
    up = picked(b, x, width, e, chosen)
    if e.merged:
        gate, up = (ops.part(up, e.width, e.used, tokens) for _ in range(2))
        up = ops.glu(gate, up)
    elif e.gated:
        up = ops.glu(picked(b, x, e.width, e, chosen), up)
    down = picked(b, up, hidden, e, chosen)
    b.device = device
    if not e.before:
        down = ops.like("mul", down, weights)
    graph.expand(down)
    strides = down.strides
    parts = [ops.view(down, (hidden, tokens), (strides[0], strides[2])) for _ in range(e.used)]
    for one in parts:
        graph.expand(one)
    total = parts[0]
    for one in parts[1:]:
        total = ops.like("add", total, one)
        graph.expand(total)
    total = total if e.used > 1 else ops.cont(total)
    return b.linear(total, b.facts.hidden) if e.latent else total


def picked(b: Builder, x: GraphTensor, width: int, e: ExpertsFacts, ids: GraphTensor) -> GraphTensor:
    """A product with the chosen experts' matrices."""
    out = ops.mul_mat_id(b.weight(x.ne[0], width, e.experts), x, ids)
    return ops.like("add_id", out, ops.weight(b.device, "f32", width, e.experts), ids) if e.bias else out


def feed_forward(b: Builder, x: GraphTensor, layer: LayerFacts) -> GraphTensor:
    """What follows attention: a feed-forward, or a mixture with its shared expert."""
    match layer.ffn:
        case MlpFacts() as m:
            return mlp(b, x, m.width, m.form, moved=True)
        case ExpertsFacts() as e:
            routed = experts(b, x, e)
            if not e.shared:
                return routed
            gate = None
            if e.shared_gate == "silu":
                logit = b.linear(x, 1)
                gate = ops.like("div", ops.like("unary", logit), logit)
            shared = mlp(b, x, e.shared)
            if e.shared_gate == "sigmoid":
                gate = ops.like("unary", b.linear(x, 1))
            if gate is not None:
                shared = ops.like("mul", shared, gate)
            return ops.like("add", routed, shared)
        case None:
            return x
