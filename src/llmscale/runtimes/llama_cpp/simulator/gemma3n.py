"""Gemma 3n's layers: four versions of the residual stream of which each layer predicts all and computes one.

Source: llama.cpp commit 0c1e57098, src/models/gemma3n.cpp; the published model is Gemma 3n (AltUp, arXiv:2301.13310,
and LAuReL, arXiv:2411.07501).
"""

from __future__ import annotations

from llmscale.runtimes.llama_cpp.facts import LayerFacts, MlpFacts
from llmscale.runtimes.llama_cpp.simulator import experts, ops
from llmscale.runtimes.llama_cpp.simulator.context import GraphContext
from llmscale.runtimes.llama_cpp.simulator.gemma4 import embeddings
from llmscale.runtimes.llama_cpp.simulator.graph import GraphTensor
from llmscale.runtimes.llama_cpp.simulator.mixers import mixer

#: Versions of the residual stream, and the rank of each layer's low-rank shortcut (gguf-py, conversion/gemma.py).
STREAMS = 4
LAUREL = 64


class Versions:
    """Joins Gemma 3n's layers, between which there are several versions of the residual stream.

    Attributes:
        start: the versions of the residual stream before the first layer: (hidden, tokens, versions).
    """

    def __init__(self, ctx: GraphContext, x: GraphTensor) -> None:
        self.ctx = ctx
        self.hidden, self.tokens = ctx.facts.hidden, ctx.tokens
        self.embedded = embeddings(ctx, x)
        ctx.device = ctx.layers[0].device
        wide = ops.repeat(x, self.hidden, self.tokens, STREAMS - 1)
        made = ops.mul_mat(ctx.weight(self.hidden, self.hidden, STREAMS - 1), wide)
        scaled = ops.like("div", ops.like("mul", made, magnitude(x)), magnitude(made))
        self.start = ops.concat(x, scaled, 2)

    def one(self, x: GraphTensor) -> GraphTensor:
        """One version."""
        return ops.view(x, (self.hidden, self.tokens), x.steps[:1])

    def others(self, x: GraphTensor) -> GraphTensor:
        """All versions but the first."""
        return ops.view(x, (self.hidden, self.tokens, STREAMS - 1), x.steps[:2])

    def modalities(self, x: GraphTensor) -> GraphTensor:
        """How a token mixes the versions."""
        return ops.like("unary", self.ctx.linear(self.ctx.norm(x), STREAMS))

    def predict(self, x: GraphTensor) -> GraphTensor:
        """Every version before the layer has run."""
        mixing = self.ctx.linear(self.modalities(self.one(x)), STREAMS * STREAMS)
        mixing = ops.reshape(mixing, STREAMS, STREAMS, self.tokens)
        made = ops.mul_mat(ops.cont(ops.permute(x, 1, 2, 0, 3)), mixing)
        return ops.like("add", ops.cont(ops.permute(made, 0, 2, 1, 3)), x)

    def correct(self, predicted: GraphTensor, done: GraphTensor) -> GraphTensor:
        """Every version after it."""
        mixing = self.ctx.linear(self.modalities(done), STREAMS)
        surprise = ops.like("sub", done, self.one(predicted))
        mixing = ops.cont(ops.transpose(mixing), 1, self.tokens, STREAMS)
        wide = ops.repeat(surprise, self.hidden, self.tokens, STREAMS)
        return ops.like("add", ops.like("mul", wide, mixing), predicted)

    def feed_forward(self, x: GraphTensor, layer: LayerFacts) -> GraphTensor:
        """A gated feed-forward, of which the first layers keep the largest activations only."""
        m = layer.ffn
        if not isinstance(m, MlpFacts):
            return experts.feed_forward(self.ctx, x, layer)
        up, gate = self.ctx.linear(x, m.width), self.ctx.linear(x, m.width)
        if m.form == "sparse":
            mean = GraphTensor("mean", "f32", (1, self.tokens, 1, 1), (gate,))
            spread = ops.like("unary", ops.sum_rows(ops.like("sqr", ops.like("sub", gate, mean))))
            gate = ops.like("sub", gate, ops.like("add", mean, spread))
        return self.ctx.linear(ops.like("mul", up, ops.like("unary", gate)), self.hidden)

    def join(self, x: GraphTensor, layer: LayerFacts, last: bool) -> GraphTensor:
        """One layer."""
        ctx = self.ctx
        predicted = self.predict(x)
        active = self.one(predicted)
        normed = ctx.norm(active)
        shortcut = ops.like("add", ctx.norm(ctx.linear(ctx.linear(normed, LAUREL), self.hidden)), normed)
        out = ops.like("add", ctx.norm(mixer(ctx, normed, layer)), active)
        after = ops.like("add", out, shortcut)
        out = ctx.norm(self.feed_forward(ctx.norm(after), layer), layered=False)
        corrected = self.correct(predicted, ops.like("add", out, after))
        width = ctx.facts.per_layer
        first = ops.like("mul", self.one(corrected), ctx.weight(self.hidden))
        own = ops.view(self.embedded, (width, self.tokens), self.embedded.steps[:1])
        gate = ops.like("mul", ops.like("unary", ctx.linear(first, width)), own)
        first = ctx.norm(ctx.linear(gate, self.hidden))
        return ops.concat(self.one(corrected), ops.like("add", self.others(corrected), first), 2)

    def finish(self, x: GraphTensor) -> GraphTensor:
        """The mean of all versions."""
        size = magnitude(self.one(x))
        made = ops.mul_mat(self.ctx.weight(self.hidden, self.hidden, STREAMS - 1), self.others(x))
        made = ops.like("div", ops.like("mul", made, size), magnitude(made))
        total = self.one(x)
        for _ in range(STREAMS - 1):
            total = ops.like("add", total, self.one(made))
        return total


def magnitude(x: GraphTensor) -> GraphTensor:
    """The length of each token's vector."""
    return ops.like("unary", ops.sum_rows(ops.like("sqr", x)))
