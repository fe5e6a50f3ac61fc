"""The order in which Vulkan runs a split, on graphs of a few nodes."""

from __future__ import annotations

from llmscale.runtimes.llama_cpp.simulator import ops
from llmscale.runtimes.llama_cpp.simulator.graph import Graph, GraphTensor
from llmscale.runtimes.llama_cpp.simulator.reorder import reordered

HOST = 1


def weight(*shape: int) -> GraphTensor:
    return ops.weight(0, "f32", *shape)


def nodes(*outputs: GraphTensor) -> list[GraphTensor]:
    graph = Graph()
    for one in outputs:
        graph.expand(one)
    return graph.nodes


def test_what_waits_for_nothing_is_drawn_forward() -> None:
    x = ops.given("f32", 8, 4)
    first = ops.mul_mat(weight(8, 16), x)
    late = ops.like("unary", first)
    other = ops.mul_mat(weight(8, 32), x)
    graph = nodes(late, other)
    assert graph == [first, late, other]
    assert reordered(graph) == [first, other, late]


def test_a_norm_and_its_scale_stay_together() -> None:
    x = ops.given("f32", 8, 4)
    normed = ops.like("rms_norm", x)
    scaled = ops.like("mul", normed, weight(8))
    other = ops.like("unary", x)
    assert reordered(nodes(scaled, other)) == [normed, scaled, other]


def test_a_rotation_is_drawn_to_the_norm_and_stored_at_once() -> None:
    x, positions, ids = ops.given("f32", 8, 4), ops.given("i32", 4), ops.given("i64", 4)
    other = ops.like("unary", x)
    normed = ops.like("rms_norm", ops.mul_mat(weight(8, 8), other))
    scaled = ops.like("mul", normed, weight(8))
    rotated = ops.like("rope", scaled, positions)
    seen = ops.view(rotated, (8, 4))
    stored = ops.set_rows(ops.stored(0, "f16", 8, 4), seen, ids)
    between = ops.like("sqr", other)
    graph = nodes(scaled, between, rotated, stored)
    order = reordered(graph)
    at = order.index(rotated)
    assert order[at : at + 3] == [rotated, seen, stored]
    assert order.index(between) < at
    assert sorted(map(id, order)) == sorted(map(id, graph))


def test_a_third_that_one_kernel_computes_follows() -> None:
    x = ops.given("f32", 8, 4)
    start = ops.like("unary", x)
    product = ops.mul_mat(weight(8, 8), x)
    biased = ops.like("add", product, weight(8))
    between = ops.like("sqr", start)
    summed = ops.like("add", biased, weight(8))
    order = reordered(nodes(start, biased, between, summed))
    assert order.index(summed) == order.index(biased) + 1


def test_a_view_comes_with_what_it_looks_at() -> None:
    x = ops.given("f32", 8, 4)
    made = ops.mul_mat(weight(8, 16), x)
    seen = ops.reshape(made, 4, 4, 4)
    other = ops.like("unary", x)
    assert reordered(nodes(ops.like("unary", seen), other))[:3] == [made, other, seen]


def test_what_is_written_over_comes_first() -> None:
    """Two that look at the same memory keep their order, though neither reads the other."""
    x, kept = ops.given("f32", 8, 4), ops.stored(0, "f32", 8, 4)
    made = ops.like("unary", x)
    written = ops.copy_to(made, ops.part(kept, 8, 4))
    read = ops.like("unary", ops.part(kept, 8, 4))
    order = reordered(nodes(written, read))
    assert order.index(written) < order.index(read)
