"""What the parts of a graph build with: the graph, what is known of the model, where they stand, and the inputs.

It knows no part. `assemble` moves it from layer to layer; a part reads from it and adds to its graph.

Source: llama.cpp commit 0c1e57098, `llm_graph_context` of src/llama-graph.cpp.
"""

from __future__ import annotations

from llmscale.runtimes.llama_cpp.facts import ModelFacts
from llmscale.runtimes.llama_cpp.settings import LlamaCppSettings, Offload
from llmscale.runtimes.llama_cpp.simulator import ops
from llmscale.runtimes.llama_cpp.simulator.cells import cells
from llmscale.runtimes.llama_cpp.simulator.graph import Graph, GraphTensor
from llmscale.runtimes.llama_cpp.simulator.inputs import CacheInputs, IndexerInputs
from llmscale.runtimes.llama_cpp.simulator.layers import PlacedLayer


class GraphContext:
    """One graph under construction.

    Attributes:
        layers: those that the graph has, which may be fewer than the model's; see `layers.shortened`.
        output_device: the device of the last norm and of the output.
        whole: whether nothing but the embedding stands on the host.
        tokens: of the batch, as many of each sequence.
        outputs: tokens whose logits are wanted.
        device, ffn_device: of the weights at hand, and of the feed-forward's in this layer.
        full, windowed: inputs of the cache of layers that keep all tokens, and of those with a window.
        indexer_inputs, chosen_cells: of sparse attention, once a layer has chosen cells.
        sequences, other_sequences: states that the batch is computed with, and those that are only kept.
    """

    def __init__(
        self,
        facts: ModelFacts,
        settings: LlamaCppSettings,
        offload: Offload,
        layers: list[PlacedLayer],
        output_device: int,
    ) -> None:
        self.facts = facts
        self.settings = settings
        self.offload = offload
        self.layers = layers
        self.output_device = output_device
        self.host = offload.host
        self._types = dict(offload.streamed)
        self.whole = self.host not in (output_device, *(placed.device for placed in layers))
        self.graph = Graph()
        self.tokens = -(-settings.ubatch // settings.n_seq) * settings.n_seq
        self.outputs = settings.outputs
        self.device = self.ffn_device = self.host
        self.positions = ops.given("i32", self.tokens * facts.positions)
        self.temperature = ops.given("f32", 1, 1, self.tokens)
        self.wanted = ops.given("i32", self.outputs)
        count = cells(facts, settings)
        self.full = CacheInputs(facts, settings, self.tokens, count.full, False)
        self.windowed = CacheInputs(facts, settings, self.tokens, count.window, True) if facts.window else self.full
        self.indexer_inputs: IndexerInputs | None = None
        self.chosen_cells: GraphTensor | None = None
        states = ops.given("i32", settings.n_seq)
        self.sequences, self.other_sequences = ops.part(states, settings.n_seq), ops.part(states, 0)

    def weight(self, *shape: int) -> GraphTensor:
        """A weight of the layer at hand."""
        return ops.weight(self.device, self._types.get(shape, self.offload.weights), *shape)

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

    def pick(self, *tensors: GraphTensor) -> tuple[GraphTensor, ...]:
        """The rows whose logits are wanted."""
        return tuple(ops.get_rows(tensor, self.wanted) for tensor in tensors)
