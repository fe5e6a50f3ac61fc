"""A function of straight lines is known by its ends and bends, to the byte at every point between."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llmscale.runtimes.curve import Curve, Values, from_json, interpolated

#: (start, rise) of lines of which the largest is alive.
LINES = st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 5000)), min_size=1, max_size=3)


def widest(lines: list[tuple[int, int]], at: int) -> int:
    return max(start + rise * at for start, rise in lines)


@given(LINES, st.tuples(st.integers(0, 10**6), st.integers(0, 5000)), st.integers(1, 400))
def test_every_value_lies_on_the_lines_between_the_points(
    device: list[tuple[int, int]], host: tuple[int, int], last: int
) -> None:
    def function(at: int) -> Values:
        return widest(device, at), widest([host], at)

    points = from_json([(at, *values) for at, values in Curve(function, last).points()])
    assert points[0][0] == 1
    assert points[-1][0] == last
    assert [interpolated(points, at) for at in range(1, last + 1)] == [function(at) for at in range(1, last + 1)]


def test_few_points_are_asked_for() -> None:
    asked: list[int] = []

    def function(at: int) -> Values:
        asked.append(at)
        return (max(1000 + 3 * at, 7 * at),)

    points = Curve(function, 100_000).points()
    assert [at for at, _ in points] == [1, 250, 251, 100_000]
    assert len(set(asked)) < 20


def test_a_straight_line_is_its_ends() -> None:
    asked: list[int] = []

    def function(at: int) -> Values:
        asked.append(at)
        return (5 + 3 * at, 1000 - 2 * at, 7)

    assert Curve(function, 301).points() == [(1, (8, 998, 7)), (301, (908, 398, 7))]
    # A middle and a third show that it is one.
    assert sorted(asked) == [1, 101, 151, 301]
    for last, points in ((1, [(1, (8, 998, 7))]), (2, [(1, (8, 998, 7)), (2, (11, 996, 7))])):
        assert Curve(function, last).points() == points


def test_two_bends_are_found_by_halving_and_none_is_missed() -> None:
    def function(at: int) -> Values:
        return (max(900, 3 * at, 7 * at - 4000),)

    points = Curve(function, 5000).points()
    assert {300, 1000} <= {at for at, _ in points}
    assert len(points) < 10
    assert all(interpolated(points, at) == function(at) for at in range(1, 5001))


def test_between_points_the_value_is_on_the_line_and_before_the_first_too() -> None:
    points = [(1, (0, 9)), (11, (20, 9)), (13, (80, 9))]
    assert [interpolated(points, at) for at in (1, 2, 10, 11, 12, 13, 15)] == [
        (0, 9),
        (2, 9),
        (18, 9),
        (20, 9),
        (50, 9),
        (80, 9),
        (140, 9),
    ]


def test_one_point_holds_everywhere_and_the_last_line_goes_on() -> None:
    assert interpolated([(1, (5,))], 9) == (5,)
    assert interpolated([(1, (0,)), (3, (20,))], 5) == (40,)
