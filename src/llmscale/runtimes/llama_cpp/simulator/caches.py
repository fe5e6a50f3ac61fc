"""The cache as the graph sees it: what is written to it, what is read, and the inputs that say where.

Source: llama.cpp commit 0c1e57098, `cpy_k`, `cpy_v`, `get_k`, `get_v` and `build_input_k_rot` of
src/llama-kv-cache.cpp.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmscale.runtimes.llama_cpp.facts import AttentionFacts, ModelFacts
from llmscale.runtimes.llama_cpp.settings import LlamaCppSettings
from llmscale.runtimes.llama_cpp.simulator import ops
from llmscale.runtimes.llama_cpp.simulator.ggml_types import is_quantized, row_bytes
from llmscale.runtimes.llama_cpp.simulator.graph import GraphTensor

if TYPE_CHECKING:
    from llmscale.runtimes.llama_cpp.simulator.build import Builder


class Inputs:
    """One cache's inputs: where to write, what to mask, and the rotation that quantised caches are stored in."""

    def __init__(self, facts: ModelFacts, settings: LlamaCppSettings, tokens: int, count: int, windowed: bool) -> None:
        self.cells = count
        flash = settings.flash_attention
        widest = facts.widest_value
        streams = settings.streams
        self.k_ids = ops.given("i64", tokens)
        self.v_ids = ops.given("i64", tokens if flash else tokens * widest)
        self.mask = ops.given("f16" if flash else "f32", count, tokens // streams, 1, streams)
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


def cache(b: Builder, kind: str, width: int, inputs: Inputs) -> GraphTensor:
    """One layer's cache of keys or values."""
    device = b.device if b.settings.kv_offload else b.host
    return ops.stored(device, kind, width, inputs.cells, b.settings.streams)


def store(b: Builder, target: GraphTensor, values: GraphTensor, ids: GraphTensor) -> None:
    """Write a batch's keys or values, already one row a token, into a cache."""
    if target.ne[2] > 1:
        target = ops.reshape(target, target.ne[0], target.ne[1] * target.ne[2])
    b.graph.expand(ops.set_rows(target, values, ids))


def rows(x: GraphTensor, width: int) -> GraphTensor:
    """Heads of a token side by side: one row a token."""
    return ops.view(x, (width, x.ne[2]), (x.strides[0], x.strides[2]))


def dense(x: GraphTensor) -> bool:
    """Whether the heads of a token, and the tokens, follow each other without a gap."""
    return x.ne[0] * x.ne[1] * 4 == x.strides[2]


def heads_of(cache: GraphTensor, head: int, count: int) -> GraphTensor:
    """A cache seen as heads: (head, heads, cells, streams)."""
    width, cells, streams, _ = cache.ne
    kind = cache.kind
    row = row_bytes(kind, width)
    return ops.view(cache, (head, count, cells, streams), (cache.strides[0], row_bytes(kind, head), row, row * cells))


def columns_of(cache: GraphTensor, head: int, count: int) -> GraphTensor:
    """A cache of values stored by column, as attention without flash wants it: (cells, heads, head, streams)."""
    width, cells, streams, _ = cache.ne
    row = row_bytes(cache.kind, cells)
    return ops.view(cache, (cells, count, head, streams), (cache.strides[0], row * head, row, row * width))
