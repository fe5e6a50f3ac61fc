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


def test_one_point_holds_everywhere_and_the_last_line_goes_on() -> None:
    assert interpolated([(1, (5,))], 9) == (5,)
    assert interpolated([(1, (0,)), (3, (20,))], 5) == (40,)
