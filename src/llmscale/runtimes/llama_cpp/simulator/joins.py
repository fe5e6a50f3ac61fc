"""How a layer's parts are joined: one after the other, side by side, or Arctic's way.

Every function follows one of llama.cpp, in its order, since the order decides what is alive together.

Source: llama.cpp commit 0c1e57098, src/models/.
"""

from __future__ import annotations

from llmscale.runtimes.llama_cpp.facts import ExpertsFacts, LayerFacts
from llmscale.runtimes.llama_cpp.simulator import experts, ops, recurrent
from llmscale.runtimes.llama_cpp.simulator.context import GraphContext
from llmscale.runtimes.llama_cpp.simulator.graph import GraphTensor
from llmscale.runtimes.llama_cpp.simulator.mixers import mixer

#: Ways to join a layer's parts in which attention and feed-forward stand side by side.
PARALLEL = ("falcon", "phi2", "cohere", "neox")


def serial(ctx: GraphContext, x: GraphTensor, layer: LayerFacts, last: bool) -> GraphTensor:
    """Attention, then the feed-forward, each added to what came in."""
    facts = ctx.facts
    normed = x if facts.residual == "unnormed" else ctx.norm(x)
    if facts.eager:
        ctx.graph.expand(normed)
    if layer.mixer is None or layer.ffn is None:
        out = experts.feed_forward(ctx, normed, layer) if layer.ffn else mixer(ctx, normed, layer)
        if last:
            out, x = ctx.pick(out, x)
        return ops.like("add", out, x)
    out = mixer(ctx, normed, layer)
    if layer.parallel:
        out = ops.like("add", out, recurrent.mamba2(ctx, ctx.norm(x), layer, layer.parallel))
    if last and facts.rows == "last":
        out, x = ctx.pick(out, x)
    if facts.post_norm:
        out = ctx.norm(out)
    first = facts.residual in ("onto first", "onto both")
    x = ops.like("add", x, out) if first else ops.like("add", out, x)
    if last and facts.rows == "added":
        (x,) = ctx.pick(x)
    out = experts.feed_forward(ctx, x if facts.residual == "unnormed" else ctx.norm(x), layer)
    if facts.post_norm:
        out = ctx.norm(out, layered=False)
    return ops.like("add", x, out) if facts.residual in ("onto", "onto both") else ops.like("add", out, x)


def parallel(ctx: GraphContext, x: GraphTensor, layer: LayerFacts, last: bool) -> GraphTensor:
    """Attention and feed-forward side by side on the same normalised input (Falcon, Phi-2, Command R)."""
    normed = ctx.norm(x)
    out = mixer(ctx, normed, layer)
    if ctx.facts.residual == "neox":
        if last:
            out, x = ctx.pick(out, x)
        return ops.like("add", ops.like("add", experts.feed_forward(ctx, ctx.norm(x), layer), x), out)
    if last:
        out, x, normed = ctx.pick(out, x, normed)
    forward = experts.feed_forward(ctx, normed, layer)
    match ctx.facts.residual:
        case "falcon":
            return ops.like("add", ops.like("add", forward, out), x)
        case "phi2":
            return ops.like("add", ops.like("add", out, forward), x)
        case _:
            return ops.like("add", ops.like("add", forward, x), out)


def arctic(ctx: GraphContext, x: GraphTensor, layer: LayerFacts, last: bool) -> GraphTensor:
    """A feed-forward after attention, and a mixture of experts beside both (Arctic)."""
    if not isinstance(layer.ffn, ExpertsFacts):
        return serial(ctx, x, layer, last)
    out = mixer(ctx, ctx.norm(x), layer)
    if last:
        out, x = ctx.pick(out, x)
    after = ops.like("add", out, x)
    after = ops.like("add", experts.mlp(ctx, ctx.norm(after), layer.ffn.dense), after)
    return ops.like("add", experts.experts(ctx, ctx.norm(x), layer.ffn), after)
