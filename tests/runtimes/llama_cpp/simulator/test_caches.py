"""The cache as a graph sees it: how far apart in bytes the elements of a view lie."""

from __future__ import annotations

from llmscale.runtimes.llama_cpp.simulator import ops
from llmscale.runtimes.llama_cpp.simulator.caches import columns_of, heads_of

#: Two heads of 64 in 256 cells of each of four sequences.
HEAD, HEADS, CELLS, STREAMS = 64, 2, 256, 4
WIDTH = HEAD * HEADS


def test_heads_of_a_token_lie_side_by_side() -> None:
    found = heads_of(ops.stored(0, "f16", WIDTH, CELLS, STREAMS), HEAD, HEADS)
    assert found.ne == (HEAD, HEADS, CELLS, STREAMS)
    assert found.strides == (2, 2 * HEAD, 2 * WIDTH, 2 * WIDTH * CELLS)


def test_blocks_of_a_quantised_row_take_what_they_take() -> None:
    """Q8_0: 34 bytes for 32 elements."""
    found = heads_of(ops.stored(0, "q8_0", WIDTH, CELLS, STREAMS), HEAD, HEADS)
    assert found.strides[1:] == (2 * 34, 4 * 34, 4 * 34 * CELLS)


def test_cells_of_an_element_follow_each_other_where_values_are_kept_by_column() -> None:
    found = columns_of(ops.stored(0, "f16", WIDTH, CELLS, STREAMS), HEAD, HEADS)
    assert found.ne == (CELLS, HEADS, HEAD, STREAMS)
    assert found.strides == (2, 2 * CELLS * HEAD, 2 * CELLS, 2 * CELLS * WIDTH)
