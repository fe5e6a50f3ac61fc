"""The graph that llama.cpp builds for the largest batch it will compute: which parts, in which order.

Every function follows one of llama.cpp, in its order, since the order decides what is alive together. Left out is
what runs in place on the only use of its source (biases, scales, soft caps): it neither takes nor frees memory.

Source: llama.cpp commit 0c1e57098, src/llama-graph.cpp, src/llama-kv-cache.cpp and src/models/.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from llmscale.records import NamedTuple
from llmscale.runtimes.llama_cpp.facts import LayerFacts
from llmscale.runtimes.llama_cpp.simulator import gemma3n, gemma4, joins, ops
from llmscale.runtimes.llama_cpp.simulator.context import GraphContext
from llmscale.runtimes.llama_cpp.simulator.graph import Graph, GraphTensor

#: What a layer makes of what comes in; it is told whether it is the last one.
Join = Callable[[GraphTensor, LayerFacts, bool], GraphTensor]


class Stack(NamedTuple):
    """How the layers stand on each other.

    Attributes:
        start: what goes into the first one.
        finish: what is made of what comes out of the last one.
    """

    start: GraphTensor
    join: Join
    finish: Callable[[GraphTensor], GraphTensor] | None = None


def assemble(ctx: GraphContext) -> Graph:
    """The graph of a batch."""
    facts = ctx.facts
    embedded = embed(ctx)
    stack = stack_of(ctx, start_of(ctx, embedded))
    x = stack.start
    for number, placed in enumerate(ctx.layers):
        ctx.device, ctx.ffn_device = placed.device, placed.ffn_device
        x = stack.join(x, placed.layer, facts.rows in ("last", "added") and number + 1 == len(ctx.layers))
        if placed.deepstack:
            x = ops.like("add", x, ops.part(embedded, facts.hidden, ctx.tokens))
    if stack.finish:
        x = stack.finish(x)
    ctx.graph.expand(logits(ctx, x))
    return ctx.graph


def embed(ctx: GraphContext) -> GraphTensor:
    """The rows of the table of tokens, with zeros for the features of images; the input of images' tokens besides."""
    facts = ctx.facts
    x = ops.get_rows(ctx.weight(facts.hidden, facts.vocab), ops.given("i32", ctx.tokens))
    width = facts.hidden * (1 + facts.deepstack)
    if facts.deepstack:
        x = GraphTensor("pad", "f32", (width, ctx.tokens, 1, 1), (x,))
    ctx.graph.expand(x)
    ctx.graph.expand(ops.given("f32", width, ctx.tokens))
    return x


def start_of(ctx: GraphContext, x: GraphTensor) -> GraphTensor:
    """What the first layer is given of the embedding."""
    facts = ctx.facts
    if facts.deepstack:
        x = ops.part(x, facts.hidden, ctx.tokens)
    if facts.scaled:
        x = ops.like("scale", x)
    if facts.scaled == "first":
        ctx.graph.expand(x)
    if facts.embedded_positions:
        x = ops.like("add", x, ops.get_rows(ctx.weight(facts.hidden, 1), ctx.positions))
    if facts.embedding_norm:
        ctx.device = ctx.layers[0].device
        x = ctx.norm(x)
    return x


def stack_of(ctx: GraphContext, x: GraphTensor) -> Stack:
    """The architecture's way to join a layer's parts (`ModelFacts.residual`)."""
    match ctx.facts.residual:
        case "gemma3n":
            versions = gemma3n.Versions(ctx, x)
            return Stack(versions.start, versions.join, versions.finish)
        case "gemma4":
            return Stack(x, gemma4.Joiner(ctx, x).join)
        case "arctic":
            return Stack(x, partial(joins.arctic, ctx))
        case residual if residual in joins.PARALLEL:
            return Stack(x, partial(joins.parallel, ctx))
        case _:
            return Stack(x, partial(joins.serial, ctx))


def logits(ctx: GraphContext, x: GraphTensor) -> GraphTensor:
    """The last norm and the output, of the rows that are wanted."""
    rows = ctx.facts.rows
    ctx.device = ctx.output_device
    if ctx.facts.kept == "hidden":
        x.output = True
    if rows == "end":
        (x,) = ctx.pick(x)
    x = ctx.norm(x, layered=False)
    x.output = True
    if rows == "norm":
        (x,) = ctx.pick(x)
        x.output = True
    x = ctx.linear(x, ctx.facts.vocab)
    x.output = True
    return x
