"""The graph that llama.cpp builds for the largest batch it will compute, from a model's facts.

Every function follows one of llama.cpp, in its order, since the order decides what is alive together. Left out is
what runs in place on the only use of its source (biases, scales, soft caps): it neither takes nor frees memory.

Source: llama.cpp commit 0c1e57098, src/llama-graph.cpp, src/llama-kv-cache.cpp and src/models/.
"""

from __future__ import annotations

from llmscale.runtimes.llama_cpp.facts import (
    AttentionFacts,
    DeltaNetFacts,
    ExpertsFacts,
    KimiDeltaFacts,
    LatentAttentionFacts,
    LayerFacts,
    Mamba2Facts,
    MambaFacts,
    ModelFacts,
    ShortConvFacts,
)
from llmscale.runtimes.llama_cpp.settings import LlamaCppSettings, Offload
from llmscale.runtimes.llama_cpp.simulator import attention, caches, experts, gemma3n, gemma4, ops, recurrent, sparse
from llmscale.runtimes.llama_cpp.simulator.cells import cells
from llmscale.runtimes.llama_cpp.simulator.graph import Graph, GraphTensor
from llmscale.runtimes.llama_cpp.simulator.layers import PlacedLayer

#: Ways to join a layer's parts in which attention and feed-forward stand side by side.
PARALLEL = ("falcon", "phi2", "cohere", "neox")


class Builder:
    """Builds one graph; see the module."""

    def __init__(
        self, facts: ModelFacts, settings: LlamaCppSettings, offload: Offload, layers: list[PlacedLayer], last: int
    ) -> None:
        self.facts = facts
        self.settings = settings
        self.offload = offload
        self.layers = layers
        self.last = last
        self.host = offload.host
        self.whole = self.host not in (last, *(placed.device for placed in layers))
        self.graph = Graph()
        self.tokens = -(-settings.ubatch // settings.n_seq) * settings.n_seq
        self.outputs = settings.outputs
        self.device = self.ffn_device = 0
        self.positions = ops.given("i32", self.tokens * facts.positions)
        self.temperature = ops.given("f32", 1, 1, self.tokens)
        self.picked = ops.given("i32", self.outputs)
        room = cells(facts, settings)
        self.full = caches.Inputs(facts, settings, self.tokens, room.full, False)
        self.windowed = caches.Inputs(facts, settings, self.tokens, room.window, True) if facts.window else self.full
        self.indexed: sparse.Inputs | None = None
        self.best: GraphTensor | None = None
        sequences = ops.given("i32", settings.n_seq)
        self.main, self.extra = ops.part(sequences, settings.n_seq), ops.part(sequences, 0)

    def weight(self, *shape: int) -> GraphTensor:
        """A weight of the layer at hand."""
        return ops.weight(self.device, self.offload.weights, *shape)

    def linear(self, x: GraphTensor, width: int) -> GraphTensor:
        """A projection."""
        return ops.mul_mat(self.weight(x.ne[0], width), x)

    def norm(self, x: GraphTensor, layered: bool = True, kind: str = "") -> GraphTensor:
        """A norm and its scale; one inside a layer runs where the layer is when all layers are offloaded."""
        normed = ops.like("rms_norm" if (kind or self.facts.norm) == "rms" else "norm", x)
        if layered and self.whole:
            normed.pin = self.device
        return ops.like("mul", normed, ops.weight(self.device, "f32", x.ne[0]))

    def rope(self, x: GraphTensor) -> GraphTensor:
        """The rotation by position."""
        return ops.like("rope", x, self.positions)

    def mixer(self, x: GraphTensor, layer: LayerFacts) -> GraphTensor:
        """Attention, or what stands in its place."""
        match layer.mixer:
            case AttentionFacts() as a:
                return attention.attention(self, x, layer, a)
            case LatentAttentionFacts() as a:
                return attention.latent_attention(self, x, layer, a)
            case MambaFacts() as m:
                return recurrent.mamba(self, x, layer, m)
            case Mamba2Facts() as m:
                return recurrent.mamba2(self, x, layer, m)
            case DeltaNetFacts() as m:
                return recurrent.delta_net(self, x, layer, m)
            case KimiDeltaFacts() as m:
                return recurrent.kimi_delta(self, x, layer, m)
            case ShortConvFacts() as m:
                return recurrent.short_conv(self, x, layer, m)
            case None:
                return x

    def pick(self, *tensors: GraphTensor) -> tuple[GraphTensor, ...]:
        """The rows whose logits are wanted."""
        return tuple(ops.get_rows(tensor, self.picked) for tensor in tensors)

    def serial(self, x: GraphTensor, layer: LayerFacts, last: bool) -> GraphTensor:
        """Attention, then the feed-forward, each added to what came in."""
        post = self.facts.post_norm
        normed = x if self.facts.residual == "unnormed" else self.norm(x)
        if self.facts.eager:
            self.graph.expand(normed)
        if layer.mixer is None or layer.ffn is None:
            out = experts.feed_forward(self, normed, layer) if layer.ffn else self.mixer(normed, layer)
            if last:
                out, x = self.pick(out, x)
            return ops.like("add", out, x)
        out = self.mixer(normed, layer)
        if layer.parallel:
            out = ops.like("add", out, recurrent.mamba2(self, self.norm(x), layer, layer.parallel))
        if last and self.facts.rows == "last":
            out, x = self.pick(out, x)
        if post:
            out = self.norm(out)
        first = self.facts.residual in ("onto first", "onto both")
        x = ops.like("add", x, out) if first else ops.like("add", out, x)
        if last and self.facts.rows == "added":
            (x,) = self.pick(x)
        out = experts.feed_forward(self, x if self.facts.residual == "unnormed" else self.norm(x), layer)
        if post:
            out = self.norm(out, layered=False)
        return ops.like("add", x, out) if self.facts.residual in ("onto", "onto both") else ops.like("add", out, x)

    def arctic(self, x: GraphTensor, layer: LayerFacts, last: bool) -> GraphTensor:
        """A feed-forward after attention, and a mixture of experts beside both (Arctic)."""
        out = self.mixer(self.norm(x), layer)
        if last:
            out, x = self.pick(out, x)
        after = ops.like("add", out, x)
        assert isinstance(layer.ffn, ExpertsFacts)
        after = ops.like("add", experts.mlp(self, self.norm(after), layer.ffn.dense), after)
        return ops.like("add", experts.experts(self, self.norm(x), layer.ffn), after)

    def parallel(self, x: GraphTensor, layer: LayerFacts, last: bool) -> GraphTensor:
        """Attention and feed-forward side by side on the same normalised input (Falcon, Phi-2, Command R)."""
        normed = self.norm(x)
        out = self.mixer(normed, layer)
        if self.facts.residual == "neox":
            if last:
                out, x = self.pick(out, x)
            return ops.like("add", ops.like("add", experts.feed_forward(self, self.norm(x), layer), x), out)
        if last:
            out, x, normed = self.pick(out, x, normed)
        forward = experts.feed_forward(self, normed, layer)
        match self.facts.residual:
            case "falcon":
                return ops.like("add", ops.like("add", forward, out), x)
            case "phi2":
                return ops.like("add", ops.like("add", out, forward), x)
            case _:
                return ops.like("add", ops.like("add", forward, x), out)

    def build(self) -> Graph:
        """The graph of a batch."""
        graph, facts = self.graph, self.facts
        self.device = self.host
        x = ops.get_rows(self.weight(facts.hidden, facts.vocab), ops.given("i32", self.tokens))
        room = facts.hidden * (1 + facts.deepstack)
        if facts.deepstack:
            x = GraphTensor("pad", "f32", (room, self.tokens, 1, 1), (x,))
        graph.expand(x)
        graph.expand(ops.given("f32", room, self.tokens))
        embedded = x
        if facts.deepstack:
            x = ops.part(x, facts.hidden, self.tokens)
        if facts.scaled:
            x = ops.like("scale", x)
        if facts.scaled == "first":
            graph.expand(x)
        if facts.embedded_positions:
            x = ops.like("add", x, ops.get_rows(self.weight(facts.hidden, 1), self.positions))
        if facts.embedding_norm:
            self.device = self.layers[0].device
            x = self.norm(x)
        join = self.arctic if facts.residual == "arctic" else self.serial
        finish = None
        if facts.residual in PARALLEL:
            join = self.parallel
        elif facts.residual == "gemma4":
            join = gemma4.Layers(self, x).join
        elif facts.residual == "gemma3n":
            versions = gemma3n.Layers(self, x)
            x, join, finish = versions.start, versions.join, versions.finish
        for number, placed in enumerate(self.layers):
            self.device, self.ffn_device = placed.device, placed.ffn_device
            x = join(x, placed.layer, facts.rows in ("last", "added") and number + 1 == len(self.layers))
            if placed.deepstack:
                x = ops.like("add", x, ops.part(embedded, facts.hidden, self.tokens))
        if finish:
            x = finish(x)
        self.device = self.last
        if facts.kept == "hidden":
            x.output = True
        if facts.rows == "end":
            (x,) = self.pick(x)
        x = self.norm(x, layered=False)
        x.output = True
        if facts.rows == "norm":
            (x,) = self.pick(x)
            x.output = True
        x = self.linear(x, facts.vocab)
        x.output = True
        graph.expand(x)
        return graph
