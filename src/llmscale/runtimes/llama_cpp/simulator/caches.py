"""The cache as the graph sees it: what is written to it, what is read, and the inputs that say where.

Source: llama.cpp commit 0c1e57098, `cpy_k`, `cpy_v`, `get_k`, `get_v` and `build_input_k_rot` of
src/llama-kv-cache.cpp.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmscale.runtimes.llama_cpp.cells import QUANTIZED, Settings
from llmscale.runtimes.llama_cpp.facts import Attention, Facts
from llmscale.runtimes.llama_cpp.simulator import ops
from llmscale.runtimes.llama_cpp.simulator.graph import Tensor, row_bytes

if TYPE_CHECKING:
    from llmscale.runtimes.llama_cpp.simulator.build import Builder


class Inputs:
    """One cache's inputs: where to write, what to mask, and the rotation that quantised caches are stored in."""

    def __init__(self, facts: Facts, settings: Settings, tokens: int, count: int, windowed: bool) -> None:
        self.cells = count
        flash = settings.flash_attention
        widest = facts.widest_value
        streams = settings.streams
        self.k_ids = ops.given("i64", tokens)
        self.v_ids = ops.given("i64", tokens if flash else tokens * widest)
        self.mask = ops.given("f16" if flash else "f32", count, tokens // streams, 1, streams)
        self.k_rot = self.v_rot = None
        mixers = [layer.mixer for layer in facts.layers if layer.windowed == windowed]
        heads = [m for m in mixers if isinstance(m, Attention)]
        if heads:
            self.k_rot = rotation({a.key for a in heads}, settings.type_k, largest=True)
            self.v_rot = rotation({a.value for a in heads}, settings.type_v, largest=False)


def rotation(heads: set[int], kind: str, largest: bool) -> Tensor | None:
    """The Hadamard matrix that a quantised cache is rotated by: the largest that divides a head, or 64."""
    head = next(iter(heads))
    if kind not in QUANTIZED or len(heads) > 1 or head % 64:
        return None
    side = 64
    while largest and head % (2 * side) == 0:
        side *= 2
    return ops.given("f32", side, side)


def cache(b: Builder, kind: str, width: int, inputs: Inputs) -> Tensor:
    """One layer's cache of keys or values."""
    home = b.here if b.settings.kv_offload else b.host
    return ops.stored(home, kind, width, inputs.cells, b.settings.streams)


def store(b: Builder, target: Tensor, values: Tensor, ids: Tensor) -> None:
    """Write a batch's keys or values, already one row a token, into a cache."""
    if target.ne[2] > 1:
        target = ops.reshape(target, target.ne[0], target.ne[1] * target.ne[2])
    b.graph.expand(ops.set_rows(target, values, ids))


def rows(x: Tensor, width: int) -> Tensor:
    """Heads of a token side by side: one row a token."""
    return ops.view(x, (width, x.ne[2]), (x.strides[0], x.strides[2]))


def dense(x: Tensor) -> bool:
    """Whether the heads of a token, and the tokens, follow each other without a gap."""
    return x.ne[0] * x.ne[1] * 4 == x.strides[2]


def heads_of(cache: Tensor, head: int, count: int) -> Tensor:
    """A cache seen as heads: (head, heads, cells, streams)."""
    width, room, streams, _ = cache.ne
    kind = cache.kind
    row = row_bytes(kind, width)
    return ops.view(cache, (head, count, room, streams), (cache.strides[0], row_bytes(kind, head), row, row * room))


def columns_of(cache: Tensor, head: int, count: int) -> Tensor:
    """A cache of values stored by column, as attention without flash wants it: (cells, heads, head, streams)."""
    width, room, streams, _ = cache.ne
    row = row_bytes(cache.kind, room)
    return ops.view(cache, (room, count, head, streams), (cache.strides[0], row * head, row, row * width))
