"""Numbers with units: exact in, within the printed digits out."""

from __future__ import annotations

import re
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmscale.errors import UsageError, legible
from llmscale.units import (
    GIB,
    MAX_COUNT,
    MAX_SIZE,
    SIZE_UNITS,
    format_count,
    format_gib,
    format_size,
    parse_count,
    parse_size,
)
from tests.helpers import error_of


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("7B", 7_000_000_000),
        ("7b", 7_000_000_000),
        (" 7 B ", 7_000_000_000),
        ("6.74B", 6_740_000_000),
        ("110M", 110_000_000),
        ("560k", 560_000),
        ("1.76T", 1_760_000_000_000),
        ("1.1亿", 110_000_000),
        ("70亿", 7_000_000_000),
        ("1.04万亿", 1_040_000_000_000),
        ("3万", 30_000),
        ("6,738,415,616", 6_738_415_616),
        ("1,234.5K", 1_234_500),
        ("7e3M", 7_000_000_000),
        ("1.5e-1B", 150_000_000),
        ("42", 42),
    ],
)
def test_counts_are_read_exactly(text: str, count: int) -> None:
    assert parse_count(text) == count


@pytest.mark.parametrize(
    "text",
    ["", "B", "-7B", "+7B", "7BB", "7X", "nan", "infB", "1.2.3B", "1,2B", "12,34B", "0x10", "7 B B", "一B", "1e9999B"],
)
def test_what_is_no_count_is_refused_by_name(text: str) -> None:
    with pytest.raises(UsageError, match=re.escape(f"'{text}' is not a size of yours")) as caught:
        parse_count(text, "size of yours")
    assert "7B" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("0B", "more than zero"),
        ("0.0000B", "more than zero"),
        ("1e400B", "too large"),
        ("99999T", "too large"),
        ("0.5", "not a whole"),
        ("1.0000000001K", "not a whole"),
    ],
)
def test_counts_out_of_bounds_say_why(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        parse_count(text)


def test_the_limits_themselves_are_allowed() -> None:
    assert parse_count("10000T") == MAX_COUNT
    assert parse_size("1,000,000TB") == MAX_SIZE
    with pytest.raises(UsageError, match="too large"):
        parse_size("1,000,001TB")


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("24GB", 24_000_000_000),
        ("24GiB", 25_769_803_776),
        ("24 gib", 25_769_803_776),
        ("0.5GiB", 536_870_912),
        ("512MiB", 536_870_912),
        ("80TB", 80_000_000_000_000),
        ("1TiB", 1 << 40),
        ("100B", 100),
        ("1,024KiB", 1 << 20),
        ("3kb", 3000),
    ],
)
def test_decimal_and_binary_sizes_are_never_mixed(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["24", "24G", "GB", "-1GB", "1,2GB", "1.2.3GB", "ten GB", ""])
def test_what_is_no_size_is_refused_by_name(text: str) -> None:
    with pytest.raises(UsageError, match=re.escape(f"'{text}' is not a memory size")) as caught:
        parse_size(text)
    assert "GiB" in caught.value.hint


def test_a_size_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="more than zero"):
        parse_size("0GB")


@pytest.mark.parametrize(
    ("count", "english", "chinese"),
    [
        (6_738_415_616, "6.74 B", "67.38 亿"),
        (174_604_259_328, "174.6 B", "1,746.0 亿"),
        (1_026_408_232_448, "1.03 T", "1.03 万亿"),
        (109_482_240, "109.5 M", "1.09 亿"),
        (999_999_999, "1.00 B", "10.00 亿"),
        (999_400, "999.4 K", "99.94 万"),
        (1_000, "1.00 K", "1000"),
        (999, "999", "999"),
        (0, "0", "0"),
    ],
)
def test_counts_as_printed(count: int, english: str, chinese: str) -> None:
    assert format_count(count) == english
    assert format_count(count, "zh") == chinese


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1536, "1.50 KiB"),
        (GIB // 2, "0.50 GiB"),
        (13_476_831_232, "12.55 GiB"),
        (12 << 40, "12.00 TiB"),
        (9 << 40, "9,216.00 GiB"),
        (-GIB, "-1.00 GiB"),
    ],
)
def test_sizes_as_printed(size: int, text: str) -> None:
    assert format_size(size) == text


def test_gib_stands_without_its_unit() -> None:
    assert format_gib(13_476_831_232) == "12.55"
    assert format_gib(13_476_831_232, 1) == "12.6"
    assert format_gib(2_000 * GIB) == "2,000.00"


def last_digit(number: str) -> float:
    """What one in the last printed place is worth."""
    return 10.0 ** -len(number.partition(".")[2])


@given(st.integers(1, MAX_COUNT), st.sampled_from(["en", "zh"]))
def test_a_printed_count_is_read_back_within_its_rounding(count: int, lang: str) -> None:
    printed = format_count(count, lang)
    number, _, unit = printed.partition(" ")
    one = parse_count(f"1{unit}")
    assert abs(parse_count(printed) - count) <= 0.51 * last_digit(number) * one
    if unit:
        assert float(number.replace(",", "")) >= 0.99


@given(st.integers(1, MAX_SIZE))
def test_a_printed_size_is_read_back_within_its_rounding(size: int) -> None:
    printed = format_size(size)
    number, _, unit = printed.partition(" ")
    assert abs(parse_size(printed) - size) <= 0.51 * last_digit(number) * SIZE_UNITS[unit.lower()]


@given(st.integers(1, MAX_COUNT))
def test_grouped_digits_are_read_as_the_same_number(count: int) -> None:
    assert parse_count(f"{count:,}") == parse_count(str(count)) == count


@given(st.text(max_size=12))
def test_any_text_is_a_count_or_a_usage_error(text: str) -> None:
    for parse in (parse_count, parse_size):
        error = error_of(partial(parse, text))
        if error is None:
            assert parse(text) > 0
        else:
            assert type(error) is UsageError
            assert legible(text) in error.message
