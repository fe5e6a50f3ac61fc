"""Number formats: planes of blocks, and the bytes of a tensor."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmscale import estimate
from llmscale.errors import NotFoundError, UsageError
from llmscale.formats.catalogue import format_of, kv_formats, number_format
from llmscale.formats.layout import Format, Plane
from llmscale.store.tables import table

FORMATS = [format_of(key) for key in table("formats")["entries"]]
#: A matrix so large that what is stored once a tensor or once a row does not show.
LARGE = (1 << 16, 1 << 16)


def format_with(*planes: Plane, **rest: object) -> Format:
    return Format("x", "X", 4, list(planes), "made up", **rest)  # type: ignore[arg-type]


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.id)
def test_a_large_matrix_takes_the_bits_that_its_authors_state(form: Format) -> None:
    rows, columns = LARGE
    assert 8 * form.size(LARGE) / (rows * columns) == pytest.approx(form.bits, rel=2e-3)


def test_a_partial_block_takes_a_whole_one() -> None:
    blocks = format_with(Plane(18, 32))
    assert [blocks.size((n,)) for n in (1, 32, 33)] == [18, 18, 36]
    assert blocks.size((3, 33)) == 3 * 36, "a block ends with its row"
    assert replace(blocks, flat=True).size((3, 33)) == 4 * 18, "a flat one does not"


def test_planes_add_up_over_rows_columns_and_the_whole() -> None:
    fp8 = format_with(Plane(1), Plane(4, 128, 128), Plane(2, 0, 0))
    assert fp8.size((256, 129)) == 256 * 129 + 4 * 2 * 2 + 2
    assert fp8.size((5, 256, 129)) == 5 * fp8.size((256, 129)), "each matrix of a stack has its own"
    per_row = format_with(Plane(4, 0))
    assert per_row.size((7, 100)) == 28
    assert per_row.size(()) == 4


@given(
    st.lists(st.builds(Plane, st.integers(1, 300), st.integers(0, 300), st.integers(0, 300)), min_size=1, max_size=4),
    st.tuples(st.integers(1, 5), st.integers(1, 500), st.integers(1, 500)),
)
def test_a_format_takes_what_its_planes_take(planes: list[Plane], shape: tuple[int, ...]) -> None:
    assert format_with(*planes).size(shape) == sum(format_with(plane).size(shape) for plane in planes)


def test_what_does_not_divide_is_not_held() -> None:
    assert format_of("q4_k").holds((10, 512))
    assert not format_of("q4_k").holds((10, 500))
    assert format_of("fp16").holds(())


def test_a_format_goes_by_what_people_call_it() -> None:
    assert number_format("f16").id == "fp16"
    assert number_format("Q8-0").id == "q8_0"
    with pytest.raises(NotFoundError, match="no format called 'q9'"):
        number_format("q9")


def test_llama_cpp_keeps_a_cache_in_nine_types() -> None:
    assert {"fp32", "fp16", "bf16", "q8_0", "q4_0", "q4_1", "iq4_nl", "q5_0", "q5_1"} <= set(kv_formats())


def test_a_format_that_cannot_hold_a_cache_is_refused_there() -> None:
    with pytest.raises(UsageError, match="KV cache cannot be kept in Q4_K") as caught:
        estimate("7B", kv_dtype="q4_k")
    assert "q8_0" in caught.value.hint


def test_a_cache_of_q8_0_takes_34_bytes_for_32() -> None:
    half, eighth = (estimate("llama-2-7b", ["int4"], kv_dtype=kv).estimates[0] for kv in ("fp16", "q8_0"))
    assert eighth.kv_cache_bytes * 64 == half.kv_cache_bytes * 34
