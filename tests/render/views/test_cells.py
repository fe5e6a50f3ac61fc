"""Cells that several views share: sizes with their basis, counts, speeds, yes and no."""

from __future__ import annotations

import pytest

from llmscale.render.report import whole
from llmscale.render.views.cells import answer, counted, gib, pace, pace_range, wait
from llmscale.render.words import words
from tests.helpers import numbers

EN, ZH = words("en"), words("zh")


@pytest.mark.parametrize(
    ("basis", "text"), [("exact", "12.55"), ("modelled", "~12.55"), ("assumed", "~12.55"), ("reported", "~12.55")]
)
def test_only_an_exact_size_goes_without_its_mark(basis: str, text: str) -> None:
    assert gib(13_476_831_232, basis).text == text
    assert gib(13_476_831_232, basis).value == 13_476_831_232


def test_a_range_stands_behind_its_value() -> None:
    assert numbers(gib(2 << 30, "assumed", (1 << 30, 3 << 30)).text) == [2, 1, 3]
    assert gib(2 << 30, "assumed", (1 << 30, 3 << 30)).text.startswith("~2.00 (")


def test_counts_in_cells() -> None:
    assert counted(6_738_415_616, EN).text == "6.74 B"
    assert counted(6_738_415_616, ZH, "reported").text == "~67.38 亿"
    assert counted(None, EN, "reported").text == "-"
    assert whole(None).text == "-"
    assert whole(1234).text == "1,234"


@pytest.mark.parametrize(
    ("fits", "may", "value", "text"),
    [(True, True, True, "yes"), (False, True, False, "~maybe"), (False, False, False, "no")],
)
def test_answers_in_cells(fits: bool, may: bool, value: bool, text: str) -> None:
    cell = answer(fits, may, EN)
    assert (cell.value, cell.text) == (value, text)
    assert len({answer(*pair, EN).style for pair in [(True, True), (False, True), (False, False)]}) == 3


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        (None, "-"),
        (0.896, "~0.9"),
        (8.0, "~8"),
        (9.97, "~10"),
        (49.4, "~49"),
        (99.4, "~99"),
        (99.6, "~100"),
        (144.9, "~140"),
        (996.0, "~1k"),
        (1499.0, "~1.5k"),
        (99_600.0, "~100k"),
    ],
)
def test_a_speed_has_two_digits_and_no_exponent(tokens: float | None, text: str) -> None:
    assert pace(tokens).text == text


def test_a_range_of_speeds() -> None:
    assert pace_range((48.7, 99.6)).text == "49\u2013100"
    assert pace_range((48.7, 99.6)).value == (48.7, 99.6)
    assert pace_range(None).text == ""


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "-"), (0.0018, "~0.0018 s"), (0.4, "~0.4 s"), (99.6, "~100 s"), (240.0, "~4 min")]
)
def test_a_wait_has_two_digits_and_no_exponent(seconds: float | None, text: str) -> None:
    assert wait(seconds).text == text
