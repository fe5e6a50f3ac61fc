"""The longest context and the most sequences that fit: what trying every number would find."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from llmscale.errors import UsageError
from llmscale.fit.largest import LONGEST, _bent, _crossing, largest, longest_context, most_sequences
from llmscale.fit.place import place
from llmscale.fit.subject import Subject
from llmscale.model.shape import LayerCache, Shape
from llmscale.runtimes.general import GeneralRuntime
from llmscale.runtimes.interface import RuntimeInfo, Workload
from llmscale.runtimes.placed import Placement
from llmscale.units import GIB
from tests.fit.synthetic import RULE, SUBJECTS, cards, known, work

SMALL = Shape(8, 1024, 4096, 32_000, None, None, (LayerCache(8, 1024, 1024),))


@given(SUBJECTS, st.integers(1, 8), st.integers(1, 4), st.none() | st.integers(1, 100_000), st.floats(0.5, 3))
def test_the_longest_context_fits_and_one_more_token_does_not(
    subject: Subject, batch: int, count: int, limit: int | None, times: float
) -> None:
    least = place(RULE, subject, work(1, batch), cards(1, count)).placed.ends[1]
    devices = cards(round(least * times) // count + 1, count)

    def spare(context: int) -> int:
        return place(RULE, subject, work(context, batch), devices).placed.spare

    found = longest_context(RULE, subject, work(4096, batch), devices, limit)
    if found is None:
        assert spare(1) < 0
        return
    assert 1 <= found <= (limit or LONGEST)
    assert spare(found) >= 0
    assert found == (limit or LONGEST) or spare(found + 1) < 0


@given(SUBJECTS, st.integers(1, 50_000), st.integers(1, 200), st.floats(0.5, 3))
def test_the_most_sequences_fit_and_one_more_does_not(subject: Subject, context: int, limit: int, times: float) -> None:
    devices = cards(round(place(RULE, subject, work(context), cards(1)).placed.ends[1] * times))

    def spare(batch: int) -> int:
        return place(RULE, subject, work(context, batch), devices).placed.spare

    found = most_sequences(RULE, subject, work(context), devices, limit)
    assert found in range(limit + 1)
    assert not found or spare(found) >= 0
    assert found == limit or spare(found + 1) < 0


def test_what_a_runtime_refuses_is_more_sequences_than_fit() -> None:
    class Few(GeneralRuntime):
        """Takes three sequences at once."""

        def settle(self, subject: object, work: Workload, devices: object) -> Workload:
            if work.batch > 3:
                raise UsageError("too many")
            return work

    few = Few(RuntimeInfo("few", "Few", "nowhere"), "1")
    assert most_sequences(few, known(SMALL, GIB), work(16), cards(64 * GIB), 100) == 3


def test_memory_that_is_given_in_blocks_is_solved_for_in_blocks() -> None:
    class Blocks(GeneralRuntime):
        """Gives memory for 256 tokens at once."""

        def granularity(self, work: Workload) -> int:
            return 256

        def screen(self, summary: object, work: Workload, devices: object) -> Placement:
            rounded = work._replace(context=-(-work.context // 256) * 256)
            return super().screen(summary, rounded, devices)  # type: ignore[arg-type]

    blocks = Blocks(RuntimeInfo("blocks", "Blocks", "nowhere"), "1")
    subject, devices = known(SMALL, GIB), cards(3 * GIB)
    found = longest_context(blocks, subject, work(), devices, None)
    assert found is not None
    assert found % 256 == 0
    assert found <= (longest_context(RULE, subject, work(), devices, None) or 0) < found + 256


def test_a_window_lets_the_context_grow_further() -> None:
    slid = SMALL._replace(caches=(LayerCache(8, 1024, 1024, 512),))
    full, windowed = (
        longest_context(RULE, known(shape, GIB), work(), cards(2 * GIB), 10**6) or 0 for shape in (SMALL, slid)
    )
    assert 0 < full < windowed


@example(bends=[7], slopes=[[1, 1, 0, 0]], limit=600, budget=10, granularity=7)
@given(
    st.lists(st.integers(2, 500), max_size=3),
    st.lists(st.lists(st.integers(0, 20), min_size=4, max_size=4), min_size=1, max_size=3),
    st.integers(1, 600),
    st.integers(0, 8000),
    st.integers(1, 7),
)
def test_largest_is_what_trying_every_number_finds(
    bends: list[int], slopes: list[list[int]], limit: int, budget: int, granularity: int
) -> None:
    edges = [0, *sorted(bends)]

    def spares(n: int) -> tuple[int, ...]:
        rounded = -(-n // granularity) * granularity
        spans = list(zip(edges, [*edges[1:], 10**9], strict=True))
        return tuple(
            budget
            - sum(slope * max(0, min(rounded, high) - low) for (low, high), slope in zip(spans, place_, strict=False))
            for place_ in slopes
        )

    fitting = [n for n in range(1, limit + 1) if min(spares(n)) >= 0]
    assert largest(spares, limit, granularity) == (fitting[-1] if fitting else None)


@pytest.mark.parametrize("limit", [1, 2, LONGEST])
def test_few_guesses_are_enough_however_bent_the_lines(limit: int) -> None:
    asked = []

    def spares(n: int) -> tuple[int, ...]:
        asked.append(n)
        return (10**6 - n * n, 10**9 - n)

    assert largest(spares, limit) == min(limit, 1000)
    assert len(asked) < 40


@pytest.mark.parametrize("granularity", [1, 2, 4, 16])
@pytest.mark.parametrize("asked", [1, 6, 16, 40])
def test_every_small_question_has_the_answer_of_a_ruler(granularity: int, asked: int) -> None:
    """One place that is full at one number: the answer is that number, and nobody asks about one beyond the limit."""
    for full in range(36):
        for limit in range(1, 34):
            told: list[int] = []

            def spares(n: int, full: int = full, told: list[int] = told) -> tuple[int, ...]:
                told.append(n)
                return (full - n, 1000 - n)

            assert largest(spares, limit, granularity, asked) == (min(full, limit) or None), (full, limit)
            assert all(1 <= n <= limit for n in told), (full, limit, told)
            assert len(told) == len(set(told)), "no number is asked about twice"


@pytest.mark.parametrize("slope", [1, 7, 1000])
def test_of_a_straight_line_the_first_guess_is_right(slope: int) -> None:
    """The ends, what was asked for, the number itself and the one behind it."""
    asked = []

    def spares(n: int) -> tuple[int, ...]:
        asked.append(n)
        return (10**9 - slope * n, 10**12 - n)

    assert largest(spares, LONGEST, asked=4096) == min(10**9 // slope, LONGEST)
    assert len(asked) <= 6


def test_within_a_granule_only_its_own_numbers_are_asked_about() -> None:
    """A step of a prompt counts single tokens, so that what fits ends within a granule: 8 halvings find it."""
    asked = []

    def spares(n: int) -> tuple[int, ...]:
        asked.append(n)
        return (1000 - n - n // 256,)

    assert largest(spares, LONGEST, granularity=256) == 997
    assert max(asked[:-1]) <= LONGEST
    assert len([n for n in asked if 768 < n < 1024]) <= 9


def test_a_place_that_is_full_to_the_byte_and_does_not_grow_bounds_nothing() -> None:
    assert largest(lambda n: (0, 1000 - n), 4096) == 1000


def test_what_one_more_fills_to_the_byte_fits() -> None:
    assert largest(lambda n: (257 - n,), 4096, granularity=256) == 257
    assert largest(lambda n: (255 - n,), 4096, granularity=256) == 255


def test_from_so_long_a_context_on_only_granules_are_asked_about() -> None:
    """A step of a prompt computes no more than 8,192 tokens at once."""
    for granule in (8192, 8192 + 256):
        asked: list[int] = []

        def spares(n: int, granule: int = granule, asked: list[int] = asked) -> tuple[int, ...]:
            asked.append(n)
            return (granule + 100 - n,)

        assert largest(spares, 1 << 20, granularity=256) == granule
        assert not any(n % 256 and n > 8192 for n in asked if n != 1)
    below: list[int] = []

    def shorter(n: int) -> tuple[int, ...]:
        below.append(n)
        return (7936 + 100 - n,)

    assert largest(shorter, 1 << 20, granularity=256) == 7936 + 100
    assert all(7936 < n < 8192 for n in below if n % 256 and n != 1), "within the granule in which it ends"


@pytest.mark.parametrize("limit", [10**5, LONGEST])
def test_of_a_parabola_few_guesses_are_enough(limit: int) -> None:
    """Compute that grows by the square of a prompt, beside a cache that grows with it."""
    for square, line, room in ((1, 0, 10**8), (3, 1000, 10**9), (1, 10**6, 10**11), (7, 5, 12345)):
        asked: list[int] = []

        def spares(n: int, a: int = square, b: int = line, c: int = room, asked: list[int] = asked) -> tuple[int, ...]:
            asked.append(n)
            return (c - a * n * n - b * n, 10**15 - n)

        found = largest(spares, limit, asked=64)
        assert found is not None
        assert square * found * found + line * found <= room
        assert found == limit or square * (found + 1) ** 2 + line * (found + 1) > room
        assert len(asked) <= 19, (square, line, room, len(asked))


def test_a_parabola_through_three_points_is_found_exactly() -> None:
    for a, b, c in ((1, 0, 5), (2, -3, 7), (-1, 4, 100), (0, 2, 9)):
        points = [(spare, a * spare * spare + b * spare + c) for spare in (-3, 2, 11)]
        for order in (points, points[::-1], [points[1], points[0], points[2]]):
            assert _bent(order) == pytest.approx(c)
    assert _bent([(1, 5), (1, 6), (2, 7)]) is None
    assert _bent([(1, 5), (2, 6)]) is None


def test_a_place_that_lacks_something_is_crossed_between_the_numbers_that_were_tried() -> None:
    """On the line between two, on the parabola of three, of several places at the first that is full."""
    assert _crossing({0: (100,), 50: (-100,)}, 0, 50) == 25
    assert _crossing({0: (100, 10), 50: (-100, 5)}, 0, 50) == 25
    assert _crossing({0: (100, 10), 50: (-100, -30)}, 0, 50) == 12
    assert _crossing({34: (2,), 36: (1,), 46: (-1,)}, 36, 46) == 40  # n = 40 - 5 s + s^2
    assert _crossing({3: (5,), 9: (5,)}, 3, 9) == 6
