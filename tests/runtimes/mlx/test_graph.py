"""What MLX's arrays of weights hold: their elements fill command buffers."""

from __future__ import annotations

from llmscale.runtimes.mlx.graph import Graph

COUNT = 64 * 1000


def test_packed_weights_are_words_with_a_scale_and_a_bias_a_group() -> None:
    """Four bits a weight, eight of which share a word of 32 bits; 64 share a scale and a bias of 16."""
    packed, scales, biases = Graph.weights(COUNT, 4.5)
    assert (packed.elements, packed.itemsize) == (COUNT // 8, 4)
    assert [(each.elements, each.itemsize) for each in (scales, biases)] == [(1000, 2), (1000, 2)]
    assert [sum(each.elements for each in Graph.weights(COUNT, bits)) for bits in (16, 8.5)] == [
        COUNT,
        COUNT // 4 + 2 * 1000,
    ]
