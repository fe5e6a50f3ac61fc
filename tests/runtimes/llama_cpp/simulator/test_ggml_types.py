"""ggml's types: the bytes of rows, by the blocks of number formats."""

from __future__ import annotations

import pytest

from llmscale.errors import NotFoundError
from llmscale.runtimes.llama_cpp.simulator.ggml_types import block, buffer_bytes, is_quantized, row_bytes


def test_a_row_takes_whole_blocks() -> None:
    assert [row_bytes(kind, 4096) for kind in ("f32", "f16", "i32", "i64")] == [16384, 8192, 16384, 32768]
    assert row_bytes("q8_0", 4096) == 128 * 34
    assert row_bytes("q4_K", 4096) == 16 * 144


def test_a_type_of_several_planes_is_one_block() -> None:
    assert block("mxfp4") == (32, 17)


def test_a_type_in_blocks_is_a_quantised_one() -> None:
    assert all(map(is_quantized, ("q8_0", "iq4_nl", "mxfp4")))
    assert not any(map(is_quantized, ("f32", "f16", "bf16", "i64")))


def test_a_type_that_is_no_format_is_refused() -> None:
    with pytest.raises(NotFoundError):
        block("q9_K")


def test_cuda_pads_quantised_rows_and_aligns_all() -> None:
    assert buffer_bytes("q8_0", 128, 256, cuda=False) == 256 * 4 * 34
    assert buffer_bytes("q8_0", 128, 256, cuda=True) == 256 * 4 * 34 + 128 * 4  # 12 blocks more, 408 bytes, aligned
    assert buffer_bytes("f16", 1, 1, cuda=True) == 128
