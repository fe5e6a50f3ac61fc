"""Feed-forwards and mixtures of experts, as parts of a graph.

Source: llama.cpp commit 0c1e57098, `build_ffn` and `build_moe_ffn` of src/llama-graph.cpp.
"""

from __future__ import annotations

from llmscale.runtimes.llama_cpp.facts import ExpertsFacts, LayerFacts, MlpFacts
from llmscale.runtimes.llama_cpp.simulator import ops
from llmscale.runtimes.llama_cpp.simulator.context import GraphContext
from llmscale.runtimes.llama_cpp.simulator.graph import GraphTensor


def feed_forward(ctx: GraphContext, x: GraphTensor, layer: LayerFacts) -> GraphTensor:
    """What follows attention: a feed-forward, or a mixture with its shared expert."""
    match layer.ffn:
        case MlpFacts() as m:
            with_attention, ctx.device = ctx.device, ctx.ffn_device
            out = mlp(ctx, x, m.width, m.form)
            ctx.device = with_attention
            return out
        case ExpertsFacts() as e:
            routed = experts(ctx, x, e)
            return ops.like("add", routed, shared_expert(ctx, x, e)) if e.shared else routed
        case None:
            return x


def mlp(ctx: GraphContext, x: GraphTensor, width: int, form: str = "gated") -> GraphTensor:
    """A feed-forward (`build_ffn`)."""
    match form:
        case "gated":
            up = ctx.linear(x, width)
            hidden = ops.glu(ctx.linear(x, width), up)
        case "fused":
            hidden = ops.glu(ctx.linear(x, 2 * width))
        case _:
            hidden = ctx.linear(x, width)
    return ctx.linear(hidden, ctx.facts.hidden)


def shared_expert(ctx: GraphContext, x: GraphTensor, e: ExpertsFacts) -> GraphTensor:
    """The expert that every token uses, by its gate where it has one."""
    gate = None
    if e.shared_gate == "silu":
        logit = ctx.linear(x, 1)
        gate = ops.like("div", ops.like("unary", logit), logit)
    shared = mlp(ctx, x, e.shared)
    if e.shared_gate == "sigmoid":
        gate = ops.like("unary", ctx.linear(x, 1))
    return shared if gate is None else ops.like("mul", shared, gate)


def experts(ctx: GraphContext, x: GraphTensor, e: ExpertsFacts, logits: GraphTensor | None = None) -> GraphTensor:
    """A mixture of experts (`build_moe_ffn`), without the choice of groups first, which is small.

    Args:
        logits: the router's, where they are not made from `x`.
    """
    tokens, hidden = x.ne[1], e.latent or ctx.facts.hidden
    chosen, weights = routed(ctx, e, logits or ctx.linear(x, e.experts))
    ctx.graph.expand(weights)
    x = ops.reshape(ctx.linear(x, hidden) if e.latent else x, hidden, 1, tokens)
    if e.before:
        x = ops.like("mul", ops.repeat(x, hidden, e.used, tokens), weights)
    with_attention, ctx.device = ctx.device, ctx.ffn_device
    down = picked(ctx, activated(ctx, x, e, chosen), hidden, e, chosen)
    ctx.device = with_attention
    if not e.before:
        down = ops.like("mul", down, weights)
    ctx.graph.expand(down)
    total = summed(ctx, down, e.used)
    return ctx.linear(total, ctx.facts.hidden) if e.latent else total


def routed(ctx: GraphContext, e: ExpertsFacts, logits: GraphTensor) -> tuple[GraphTensor, GraphTensor]:
    """Which experts each token uses, and how much of each: (used, tokens), (1, used, tokens)."""
    tokens = logits.ne[1]
    probs = logits if e.router == "weights" else ops.like("soft_max" if e.router == "softmax" else "unary", logits)
    choice = ops.like("add", probs, ctx.weight(e.experts)) if e.biased else probs
    if e.before:
        choice = logits
    chosen = ops.argsort_top_k(choice, e.used)
    weights = ops.get_rows(ops.reshape(probs, 1, e.experts, tokens), chosen)
    if e.router == "weights":
        weights = ops.reshape(ops.like("soft_max", ops.reshape(weights, e.used, tokens)), 1, e.used, tokens)
    if e.normed:
        flat = ops.reshape(weights, e.used, tokens)
        weights = ops.reshape(ops.like("div", flat, ops.like("clamp", ops.sum_rows(flat))), 1, e.used, tokens)
    return chosen, weights


def activated(ctx: GraphContext, x: GraphTensor, e: ExpertsFacts, ids: GraphTensor) -> GraphTensor:
    """What the chosen experts make of a token before their last matrix: (width, used, tokens)."""
    up = picked(ctx, x, 2 * e.width if e.merged else e.width, e, ids)
    if e.merged:
        gate, up = (ops.part(up, e.width, e.used, x.ne[2]) for _ in range(2))
        return ops.glu(gate, up)
    return ops.glu(picked(ctx, x, e.width, e, ids), up) if e.gated else up


def picked(ctx: GraphContext, x: GraphTensor, width: int, e: ExpertsFacts, ids: GraphTensor) -> GraphTensor:
    """A product with the chosen experts' matrices."""
    out = ops.mul_mat_id(ctx.weight(x.ne[0], width, e.experts), x, ids)
    return ops.like("add_id", out, ops.weight(ctx.device, "f32", width, e.experts), ids) if e.bias else out


def summed(ctx: GraphContext, down: GraphTensor, used: int) -> GraphTensor:
    """The sum over the experts of each token, one after another: (hidden, tokens)."""
    hidden, _, tokens, _ = down.ne
    _, token, _ = down.steps
    parts = [ops.view(down, (hidden, tokens), (token,)) for _ in range(used)]
    for one in parts:
        ctx.graph.expand(one)
    total = parts[0]
    for one in parts[1:]:
        total = ops.like("add", total, one)
        ctx.graph.expand(total)
    return total if used > 1 else ops.cont(total)
