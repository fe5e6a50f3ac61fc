"""Gemma 4's layers: an embedding for each layer, and a mixture of experts beside the feed-forward.

Source: llama.cpp commit 0c1e57098, src/models/gemma4.cpp.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmscale.runtimes.llama_cpp.facts import ExpertsFacts, LayerFacts
from llmscale.runtimes.llama_cpp.simulator import experts, ops
from llmscale.runtimes.llama_cpp.simulator.graph import GraphTensor

if TYPE_CHECKING:
    from llmscale.runtimes.llama_cpp.simulator.build import Builder


class Layers:
    """Joins Gemma 4's layers.

    Attributes:
        embedded: every layer's own embedding: (width, tokens, layers); None where there are none.
    """

    def __init__(self, builder: Builder, x: GraphTensor) -> None:
        self.b = builder
        self.embedded = embeddings(builder, x) if builder.facts.per_layer else None

    def join(self, x: GraphTensor, layer: LayerFacts, last: bool) -> GraphTensor:
        """One layer."""
        b = self.b
        out = b.norm(b.mixer(b.norm(x), layer))
        after = ops.like("add", out, x)
        e = layer.ffn
        if isinstance(e, ExpertsFacts):
            dense = b.norm(experts.mlp(b, b.norm(after), e.dense))
            chosen = b.norm(after)
            logits = b.linear(ops.like("mul", ops.like("rms_norm", after), b.weight(b.facts.hidden)), e.experts)
            out = ops.like("add", dense, b.norm(experts.experts(b, chosen, e, logits)))
        else:
            out = experts.feed_forward(b, b.norm(after), layer)
        x = ops.like("add", b.norm(out, layered=False), after)
        if self.embedded is not None:
            width = b.facts.per_layer
            own = ops.view(self.embedded, (width, b.tokens), self.embedded.strides[:2])
            gate = ops.like("mul", ops.like("unary", b.linear(x, width)), own)
            x = ops.like("add", x, b.norm(b.linear(gate, b.facts.hidden)))
        return ops.like("mul", x, b.weight(1))


def embeddings(b: Builder, x: GraphTensor) -> GraphTensor:
    """Every layer's own embedding, looked up and made from the common one: (width, tokens, layers)."""
    width, layers = b.facts.per_layer, len(b.facts.layers)
    b.device = b.host
    looked = ops.get_rows(b.weight(width * layers, b.facts.vocab), ops.given("i32", b.tokens))
    looked = ops.like("scale", ops.reshape(looked, width, layers, b.tokens))
    b.graph.expand(looked)
    b.device = b.layers[0].device
    made = b.norm(ops.reshape(b.linear(x, width * layers), width, layers, b.tokens), layered=False)
    return ops.cont(ops.permute(ops.like("add", made, looked), 0, 2, 1, 3))
