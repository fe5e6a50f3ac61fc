"""The inputs of a cache: where a batch is written, what is masked, and what quantised keys are rotated by.

Source: llama.cpp commit 0c1e57098, `build_input_k_idxs`, `build_input_v_idxs` and `build_input_k_rot` of
src/llama-kv-cache.cpp, and `llm_graph_input_attn_k_dsa` of src/llama-graph.cpp.
"""

from __future__ import annotations

from llmscale.runtimes.llama_cpp.facts import AttentionFacts, IndexerFacts, ModelFacts
from llmscale.runtimes.llama_cpp.settings import LlamaCppSettings
from llmscale.runtimes.llama_cpp.simulator import ops
from llmscale.runtimes.llama_cpp.simulator.ggml_types import is_quantized
from llmscale.runtimes.llama_cpp.simulator.graph import GraphTensor


class CacheInputs:
    """One cache's inputs: where to write, what to mask, and the rotation that quantised caches are stored in.

    Attributes:
        cells: of one stream.
        widest: elements of one cell's V in every layer of a cache that is stored by column.
    """

    def __init__(self, facts: ModelFacts, settings: LlamaCppSettings, tokens: int, count: int, windowed: bool) -> None:
        self.cells = count
        self.widest = facts.widest_value
        flash, streams = settings.flash_attention, settings.streams
        self.k_ids = ops.given("i64", tokens)
        self.v_ids = ops.given("i64", tokens if flash else tokens * self.widest)
        half = flash and not settings.mask_cast
        self.mask = ops.given("f16" if half else "f32", count, tokens // streams, 1, streams)
        if flash and not half:
            self.mask = ops.cast(self.mask, "f16")
        self.k_rot = self.v_rot = None
        mixers = [layer.mixer for layer in facts.layers if layer.windowed == windowed]
        heads = [m for m in mixers if isinstance(m, AttentionFacts)]
        if heads:
            self.k_rot = rotation({a.key for a in heads}, settings.type_k, largest=True)
            self.v_rot = rotation({a.value for a in heads}, settings.type_v, largest=False)


def rotation(heads: set[int], kind: str, largest: bool) -> GraphTensor | None:
    """The Hadamard matrix that a quantised cache is rotated by: the largest that divides a head, or 64."""
    head = next(iter(heads))
    if not is_quantized(kind) or len(heads) > 1 or head % 64:
        return None
    side = 64
    while largest and head % (2 * side) == 0:
        side *= 2
    return ops.given("f32", side, side)


class IndexerInputs:
    """The inputs of the indexer of sparse attention.

    Args:
        tokens: of the batch.
        cells: of one stream of the cache.
        streams: of cells.
    """

    def __init__(self, indexer: IndexerFacts, tokens: int, cells: int, streams: int) -> None:
        self.ids = ops.given("i64", tokens)
        self.mask = ops.given("f16", cells, tokens // streams, 1, streams)
        self.rotation = ops.given("f32", indexer.head, indexer.head)
