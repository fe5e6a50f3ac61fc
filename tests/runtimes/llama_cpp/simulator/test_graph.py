"""Bytes from a tensor's first element to its last, and between its neighbours, as ggml counts them."""

from __future__ import annotations

from llmscale.runtimes.llama_cpp.simulator import ops
from llmscale.runtimes.llama_cpp.simulator.graph import GraphTensor


def test_a_tensor_without_gaps_takes_its_rows() -> None:
    assert ops.given("f32", 5, 3, 2).bytes == 4 * 30
    assert ops.stored(0, "q8_0", 64, 3).bytes == 3 * 2 * 34
    assert ops.stored(0, "q8_0", 64, 3, 2).strides == (34, 68, 204, 408)


def test_a_part_reaches_from_its_first_element_to_its_last() -> None:
    """Eight of 64 columns of each of three rows: two whole rows lie between the first and the last."""
    whole = ops.given("f32", 64, 3)
    assert ops.part(whole, 8, 3).bytes == 4 * (2 * 64 + 8)
    assert ops.part(whole, 8, 3).strides == (4, 256, 768, 768)
    assert ops.part(whole, 8).bytes == 4 * 8
    assert ops.part(whole, 8, 0).bytes == 0
    blocks = ops.stored(0, "q8_0", 256, 3)
    assert ops.part(blocks, 64, 3).bytes == 34 * (2 * 8 + 2)


def test_turning_a_tensor_moves_no_byte() -> None:
    whole = ops.given("f32", 64, 3)
    turned = ops.transpose(whole)
    assert (turned.ne, turned.strides) == ((3, 64, 1, 1), (256, 4, 768, 768))
    assert turned.bytes == whole.bytes
    assert whole.contiguous
    assert not turned.contiguous


def test_a_view_without_steps_follows_from_its_shape() -> None:
    seen = ops.view(ops.given("f32", 4096), (8, 4, 3, 2))
    assert seen.strides == (4, 32, 128, 384)
    assert seen.contiguous
    assert ops.view(ops.given("f32", 4096), (8, 4, 3, 2), (64,)).strides == (4, 64, 256, 768)
    assert not ops.view(ops.given("f32", 4096), (8, 4), (64,)).contiguous


def test_axes_of_one_element_leave_no_gap() -> None:
    assert ops.view(ops.given("f32", 4096), (8, 1, 3), (640, 32)).contiguous
    assert not ops.view(ops.given("f32", 4096), (8, 2, 3), (640, 32)).contiguous


def test_strides_of_a_result_are_those_of_its_shape() -> None:
    made = GraphTensor("mul_mat", "f16", (8, 4, 3, 2))
    assert made.strides == (2, 16, 64, 192)
    assert made.steps == (16, 64, 192)
