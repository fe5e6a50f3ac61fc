"""A function of the context that is made of straight lines, known by as few points as its bends ask for.

A runtime's buffers are sums of tensors whose sizes grow in proportion to the cells of the cache; which tensors are
alive together at the widest moment changes at a few contexts. So between two such bends every value lies on the line,
to the byte, which spares simulating each context that a search asks about. A stretch counts as straight when its middle
and a point beside it lie on the line between its ends; tests hold that against every context of whole catalogues.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence

Values = tuple[int, ...]


class Curve:
    """Bytes on each device at 1, 2, 3 … granules of context, up to `last`."""

    def __init__(self, function: Callable[[int], Values], last: int) -> None:
        self._function = function
        self._last = last
        self._known: dict[int, Values] = {}

    def points(self) -> list[tuple[int, Values]]:
        """The ends and the bends, with the values there."""
        return [(bend, self._known[bend]) for bend in self._straighten()]

    def _value(self, granules: int) -> Values:
        if granules not in self._known:
            self._known[granules] = self._function(granules)
        return self._known[granules]

    def _straighten(self) -> list[int]:
        bends = {1, self._last}
        stretches = [(1, self._last)]
        while stretches:
            low, high = stretches.pop()
            if high - low < 2:
                continue
            middle = self._bent_at(low, high)
            if middle is None:
                continue
            if (corner := self._corner(low, high)) is not None:
                bends |= {corner, corner + 1}
                continue
            bends.add(middle)
            stretches += [(low, middle), (middle, high)]
        for bend in bends:
            self._value(bend)
        return sorted(bends)

    def _bent_at(self, low: int, high: int) -> int | None:
        """A point of the stretch that lies off the line between its ends; None where none was found."""
        for point in ((low + high) // 2, low + (high - low) // 3):
            if low < point < high and self._value(point) != self._on_line(low, high, point):
                return point
        return None

    def _corner(self, low: int, high: int) -> int | None:
        """Where the lines that leave both ends meet, if the values follow the one up to there and the other after."""
        if high - low < 4:
            return None
        first, second = self._value(low), self._value(low + 1)
        before, last = self._value(high - 1), self._value(high)
        for start, rise_start, fall, end in zip(first, second, before, last, strict=True):
            rise, slope = rise_start - start, end - fall
            if rise == slope:
                continue
            corner = low + int((end - slope * (high - low) - start) / (rise - slope))
            if not low < corner < high - 1:
                return None
            on_first = self._value(corner) == self._along(first, second, corner - low)
            on_last = self._value(corner + 1) == self._along(last, before, high - corner - 1)
            return corner if on_first and on_last else None
        return None

    @staticmethod
    def _along(start: Values, step: Values, count: int) -> Values:
        return tuple(a + (b - a) * count for a, b in zip(start, step, strict=True))

    def _on_line(self, low: int, high: int, point: int) -> Values | None:
        """The values on the line, None where they are not whole: then nothing lies on it."""
        found = []
        for a, b in zip(self._value(low), self._value(high), strict=True):
            rise = (b - a) * (point - low)
            if rise % (high - low):
                return None
            found.append(a + rise // (high - low))
        return tuple(found)


def interpolated(points: Sequence[tuple[int, Values]], granules: int) -> Values:
    """The values on the lines between `points`; beyond the last, on the last line."""
    at = min(max(bisect_left(points, granules, key=_place), 1), len(points) - 1)
    if len(points) == 1:
        return points[0][1]
    (low, before), (high, after) = points[at - 1], points[at]
    return tuple(a + (b - a) * (granules - low) // (high - low) for a, b in zip(before, after, strict=True))


def _place(point: tuple[int, Values]) -> int:
    return point[0]


def from_json(points: Iterable[Sequence[int]]) -> list[tuple[int, Values]]:
    """Points as JSON keeps them."""
    return [(granules, tuple(values)) for granules, *values in points]
