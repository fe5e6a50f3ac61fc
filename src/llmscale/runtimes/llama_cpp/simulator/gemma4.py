"""Gemma 4's layers: an embedding for each layer, and a mixture of experts beside the feed-forward.

Source: llama.cpp commit 0c1e57098, src/models/gemma4.cpp.
"""

from __future__ import annotations

from llmscale.runtimes.llama_cpp.facts import ExpertsFacts, LayerFacts
from llmscale.runtimes.llama_cpp.simulator import experts, ops
from llmscale.runtimes.llama_cpp.simulator.context import GraphContext
from llmscale.runtimes.llama_cpp.simulator.graph import GraphTensor
from llmscale.runtimes.llama_cpp.simulator.mixers import mixer


class Joiner:
    """Joins Gemma 4's layers.

    Attributes:
        embedded: every layer's own embedding: (width, tokens, layers); None where there are none.
    """

    def __init__(self, ctx: GraphContext, x: GraphTensor) -> None:
        self.ctx = ctx
        self.embedded = embeddings(ctx, x) if ctx.facts.per_layer else None

    def join(self, x: GraphTensor, layer: LayerFacts, last: bool) -> GraphTensor:
        """One layer."""
        ctx = self.ctx
        out = ctx.norm(mixer(ctx, ctx.norm(x), layer))
        after = ops.like("add", out, x)
        e = layer.ffn
        if isinstance(e, ExpertsFacts):
            dense = ctx.norm(experts.mlp(ctx, ctx.norm(after), e.dense))
            chosen = ctx.norm(after)
            logits = ctx.linear(ops.like("mul", ops.like("rms_norm", after), ctx.weight(ctx.facts.hidden)), e.experts)
            out = ops.like("add", dense, ctx.norm(experts.experts(ctx, chosen, e, logits)))
        else:
            out = experts.feed_forward(ctx, ctx.norm(after), layer)
        x = ops.like("add", ctx.norm(out, layered=False), after)
        if self.embedded is not None:
            width = ctx.facts.per_layer
            own = ops.view(self.embedded, (width, ctx.tokens), self.embedded.steps[:1])
            gate = ops.like("mul", ops.like("unary", ctx.linear(x, width)), own)
            x = ops.like("add", x, ctx.norm(ctx.linear(gate, ctx.facts.hidden)))
        return ops.like("mul", x, ctx.weight(1))


def embeddings(ctx: GraphContext, x: GraphTensor) -> GraphTensor:
    """Every layer's own embedding, looked up and made from the common one: (width, tokens, layers)."""
    width, layers = ctx.facts.per_layer, len(ctx.facts.layers)
    ctx.device = ctx.host
    looked = ops.get_rows(ctx.weight(width * layers, ctx.facts.vocab), ops.given("i32", ctx.tokens))
    looked = ops.like("scale", ops.reshape(looked, width, layers, ctx.tokens))
    ctx.graph.expand(looked)
    ctx.device = ctx.layers[0].device
    made = ctx.norm(ops.reshape(ctx.linear(x, width * layers), width, layers, ctx.tokens), layered=False)
    return ops.cont(ops.permute(ops.like("add", made, looked), 0, 2, 1, 3))
