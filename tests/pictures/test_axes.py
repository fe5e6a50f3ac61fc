"""Axes hold every value, and write round ones."""

from __future__ import annotations

from math import isclose

from hypothesis import given
from hypothesis import strategies as st

from llmscale.pictures.axes import decades, doublings, linear

sizes = st.lists(st.floats(1e-3, 1e15), min_size=1, max_size=20)


@given(sizes)
def test_a_linear_axis_begins_at_zero_and_holds_everything(values: list[float]) -> None:
    axis = linear("", values, str)
    assert axis.low == 0
    assert axis.high >= max(values) * 0.9999
    assert 2 <= len(axis.ticks) <= 8
    assert [axis.share(tick.at) for tick in axis.ticks][:: len(axis.ticks) - 1] == [0, 1]


@given(sizes)
def test_a_logarithmic_axis_holds_everything_between_powers_of_ten(values: list[float]) -> None:
    axis = decades("", values, str)
    assert axis.low <= min(values) * 1.0001
    assert axis.high >= max(values) * 0.9999
    assert 0 <= axis.share(max(values)) <= 1.0001


def test_equal_ratios_are_equal_steps() -> None:
    axis = doublings("", [1024, 4096, 2048], str)
    assert [tick.at for tick in axis.ticks] == [1024, 2048, 4096]
    assert isclose(axis.share(2048), 0.5)


def test_one_value_alone_lies_in_the_middle() -> None:
    assert isclose(doublings("", [512], str).share(512), 0.5)


def test_few_decades_are_divided() -> None:
    assert [tick.at for tick in decades("", [1, 90], str).ticks] == [1, 2, 5, 10, 20, 50, 100]
    assert [tick.at for tick in decades("", [1, 9000], str).ticks] == [1, 10, 100, 1000, 10000]
