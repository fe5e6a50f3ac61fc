"""The allocator: blocks in their holes, and what is written over."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from llmscale.runtimes.llama_cpp.simulator import ops
from llmscale.runtimes.llama_cpp.simulator.alloc import Arena, allocate
from llmscale.runtimes.llama_cpp.simulator.graph import Graph, GraphTensor


def test_the_smallest_hole_that_holds_a_block_is_taken_and_holes_join() -> None:
    arena = Arena(32)
    blocks = [arena.take(size) for size in (64, 32, 96, 32, 32)]
    assert blocks == [0, 64, 96, 192, 224]
    arena.free(0, 64)
    arena.free(96, 96)
    assert arena.take(60) == 0
    arena.free(0, 60)
    arena.free(64, 32)
    assert arena.take(192) == 0
    assert arena.size == 256


@given(st.lists(st.tuples(st.integers(1, 4096), st.booleans()), max_size=60))
def test_blocks_never_overlap(steps: list[tuple[int, bool]]) -> None:
    arena, live = Arena(128), []
    for size, drop in steps:
        if drop and live:
            arena.free(*live.pop(0))
        else:
            live.append((arena.take(size), size))
        ordered = sorted(live)
        assert all(a + size <= b for (a, size), (b, _) in pairwise(ordered))
        assert all(offset % 128 == 0 for offset, _ in ordered)


def test_an_operation_writes_over_a_source_that_nothing_else_reads() -> None:
    def size(last: GraphTensor) -> int:
        graph = Graph()
        graph.expand(last)
        for tensor in (*graph.nodes, *graph.leafs):
            tensor.backend = 0
        return allocate(graph.nodes, graph.leafs, 1, (32,))[0]

    start = ops.given("f32", 1024)
    assert size(ops.like("scale", start)) == 4096
    start = ops.given("f32", 1024)
    assert size(ops.like("cont", start)) == 8192
    start = ops.given("f32", 1024)
    assert size(ops.like("add", ops.like("scale", start), start)) == 8192
