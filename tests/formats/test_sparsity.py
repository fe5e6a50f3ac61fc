"""Sparse weights: what is written, what is kept, and what no tool can do."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmscale.errors import UsageError
from llmscale.formats.catalogue import format_of, quant
from llmscale.formats.sparsity import DENSE_COMPONENTS, parse_sparsity, sparse, sparsified
from llmscale.formats.weights import assign_formats, weight_bytes
from llmscale.model.families import from_config
from llmscale.model.inventory import inventory
from tests.helpers import tiny

SHAPES = st.tuples(st.integers(1, 300), st.integers(1, 300).map(lambda n: 4 * n))
SINGLE = ["fp32", "bf16", "int8", "int8_row", "fp8_row", "fp8_block"]


@pytest.mark.parametrize(
    ("text", "kept", "store", "name"),
    [
        ("2:4", Fraction(1, 2), "2:4", "2:4"),
        (" 50% ", Fraction(1, 2), "bitmask", "50%:bitmask"),
        ("62.5%", Fraction(3, 8), "bitmask", "62.5%:bitmask"),
        ("80%:CSR", Fraction(1, 5), "csr", "80%:csr"),
        ("10 %:bitmask", Fraction(9, 10), "bitmask", "10%:bitmask"),
    ],
)
def test_what_is_written_is_what_is_meant(text: str, kept: Fraction, store: str, name: str) -> None:
    found = parse_sparsity(text)
    assert (found.kept, found.store, found.name) == (kept, store, name)
    assert parse_sparsity(found.name) == found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no sparsity"),
        ("half", "is no sparsity"),
        ("0.5", "is no sparsity"),
        ("-50%", "is no sparsity"),
        ("1:4", "Sparsity 1:4 is not run by any hardware; 2:4 is"),
        ("0%", "leaves all or nothing"),
        ("100%", "leaves all or nothing"),
        ("50%:coo", "There is no sparse index 'coo'"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_an_example(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        parse_sparsity(text)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("written", "form", "shape", "stored"),
    [
        # sparse_semi_structured_from_dense_cutlass of torch 2.13.0: values and metadata.
        ("2:4", "bf16", (128, 256), 128 * 128 * 2 + 128 * 16 * 2),
        ("2:4", "int8", (128, 256), 128 * 128 + 128 * 8 * 4),
        # compressed-tensors 0.9.4, without the shape (16 bytes): compressed, bitmask; and row_offsets.
        ("2:4", "bf16", (128, 256), 32768 + 4096),
        ("80%", "bf16", (128, 250), 12800 + 4096 + 1024),
        # CSR with INT32 indices: 6,400 values, their columns, 129 row pointers.
        ("80%:csr", "bf16", (128, 250), 12800 + 4 * 6400 + 4 * 129),
    ],
)
def test_bytes_are_those_that_libraries_store(written: str, form: str, shape: tuple[int, int], stored: int) -> None:
    assert sparse(format_of(form), parse_sparsity(written)).size(shape) == stored


def test_scales_stay_whole() -> None:
    dense, shape = format_of("fp8_row"), (64, 256)
    thin = sparse(dense, parse_sparsity("2:4"))
    assert thin.size(shape) == 64 * 128 + 64 * 256 // 8 + 2 * 64
    assert thin.size((3, *shape)) == 3 * thin.size(shape)


def test_only_marlin_runs_packed_values_sparse() -> None:
    rows, columns = 256, 1024
    packed = sparse(format_of("ct_w4"), parse_sparsity("2:4"))
    assert packed.size((rows, columns)) == rows * (columns // 4 + columns // 8 + 2 * columns // 128) + 16
    for form, written in (
        ("ct_w4", "50%"),
        ("q4_k", "2:4"),
        ("bnb_nf4", "2:4"),
        ("gptq4_g128", "2:4"),
        ("nvfp4", "2:4"),
    ):
        with pytest.raises(UsageError, match="cannot be kept sparse") as caught:
            sparse(format_of(form), parse_sparsity(written))
        assert "w8a8" in caught.value.hint


def test_a_row_that_four_does_not_divide_is_not_held() -> None:
    thin = sparse(format_of("bf16"), parse_sparsity("2:4"))
    assert thin.holds((3, 8))
    assert not thin.holds((8, 3))


@given(SHAPES, st.sampled_from(SINGLE), st.integers(1, 99), st.integers(1, 99))
def test_more_zeros_never_take_more(shape: tuple[int, int], form: str, one: int, other: int) -> None:
    fewer, more = sorted((one, other))
    for index in ("bitmask", "csr"):
        sizes = [sparse(format_of(form), parse_sparsity(f"{share}%:{index}")).size(shape) for share in (fewer, more)]
        assert sizes[1] <= sizes[0]


@given(SHAPES, st.sampled_from(SINGLE))
def test_two_of_four_is_half_the_values_and_a_bit_for_each_weight(shape: tuple[int, int], form: str) -> None:
    dense = format_of(form)
    values = replace(dense, planes=dense.planes[:1]).size(shape)
    rows, columns = shape
    saved = dense.size(shape) - sparse(dense, parse_sparsity("2:4")).size(shape)
    assert saved == values // 2 - rows * -(-columns // 8)


@pytest.mark.parametrize("form", SINGLE)
@pytest.mark.parametrize("written", ["2:4", "30%", "90%:csr"])
def test_a_large_matrix_takes_the_bits_that_it_states(form: str, written: str) -> None:
    thin = sparse(format_of(form), parse_sparsity(written))
    assert 8 * thin.size((1 << 16, 1 << 16)) / (1 << 32) == pytest.approx(thin.bits, rel=3e-3)


def test_only_the_linear_layers_of_the_model_proper_are_made_sparse() -> None:
    spec = from_config(tiny(), "test")
    parts = inventory(spec)
    dense = assign_formats(quant("bf16"), spec, parts)
    thin = sparsified(dense, parse_sparsity("2:4"))
    changed = {each.group.component for each, before in zip(thin, dense, strict=True) if each.form != before.form}
    assert changed == {"attention", "mlp"}
    assert not changed & DENSE_COMPONENTS
    asked = replace(quant("bf16"), sparsity="2:4")
    assert weight_bytes(asked, spec, parts) == sum(each.bytes for each in thin)
    linear = sum(each.group.parameters for each in dense if each.group.component in changed)
    assert weight_bytes(quant("bf16"), spec, parts) - sum(each.bytes for each in thin) == linear - linear // 8


def test_a_quant_that_cannot_be_sparse_says_so() -> None:
    spec = from_config(tiny(), "test")
    with pytest.raises(UsageError, match="bitsandbytes NF4 cannot be kept sparse"):
        weight_bytes(replace(quant("nf4"), sparsity="2:4"), spec, inventory(spec))
