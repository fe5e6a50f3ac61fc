"""The longest context and the most sequences that fit: solved for with the runtime's own placement, not scanned."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from math import isqrt

from llmscale.devices.sets import DeviceSet
from llmscale.errors import UsageError
from llmscale.fit.place import place
from llmscale.fit.subject import Subject
from llmscale.runtimes.interface import Runtime, Workload

#: The option that says how many tokens of a context are its prompt.
PROMPT = "prompt_tokens"
#: Beyond any published limit; asked only of models that have none.
LONGEST = 1 << 27
#: What is left of a device, and of each other place, at one size; negative where it is missing.
Spares = Sequence[int]


def longest_context(
    runtime: Runtime, subject: Subject, asked: Workload, devices: DeviceSet, limit: int | None
) -> int | None:
    """The largest context up to `limit` at which as many sequences surely fit; None when not even one token does.

    It is at least the one that is asked for where that fits, and below it where that does not; a prompt that is said is
    part of every one that is tried.
    """

    def spares(context: int) -> Spares:
        return place(runtime, subject, asked._replace(context=context), devices).placed.spares

    least = asked.option(PROMPT) or 1
    return largest(spares, limit or LONGEST, runtime.granularity(asked), asked.context, least)


def most_sequences(runtime: Runtime, subject: Subject, asked: Workload, devices: DeviceSet, limit: int) -> int:
    """The most sequences of the context at once, up to `limit`, that surely fit; 0 when not even one does."""

    def spares(batch: int) -> Spares:
        try:
            return place(runtime, subject, asked._replace(batch=batch), devices).placed.spares
        except UsageError:  # the runtime refuses so many
            return (-1,)

    return largest(spares, limit, asked=asked.batch) or 0


def largest(
    spares: Callable[[int], Spares], limit: int, granularity: int = 1, asked: int = 1, least: int = 1
) -> int | None:
    """The largest n in [least, limit] at which nothing is missing; None when there is none.

    A guess is where the first place is full by what is known of it, see `_crossing`; every fourth lies between the ends
    by their ratio, which bounds the number of guesses however bent the lines.

    Args:
        spares: of which none grows with n, or nearly so.
        granularity: they change only from one multiple of it to the next, as n is rounded up; those below `UNEVEN` may
            change in between as well.
        asked: a number that is asked about by itself; what is found lies on the side of it that it fits on.
    """
    spares = cache(spares)
    fitting = least
    if least <= asked <= limit:
        fitting, limit = (asked, limit) if min(spares(asked)) >= 0 else (least, asked - 1)
    if limit < fitting or min(spares(fitting)) < 0:
        return None
    if min(spares(limit)) >= 0:
        return limit
    low = max(fitting, _granules(spares, fitting, limit, granularity) * granularity)
    if low >= UNEVEN or granularity == 1 or min(spares(low + 1)) < 0:
        return low
    # At least one more fits, and of the next granule not all do.
    high = min(limit, -(-(low + 1) // granularity) * granularity)
    return low + 1 + _last(spares, low + 1, high)


#: A step of a prompt computes no more tokens than this at once, so that beyond it nothing but granules count.
UNEVEN = 1 << 13


def _granules(spares: Callable[[int], Spares], fitting: int, limit: int, granularity: int) -> int:
    """The last granule that fits whole, where `fitting` does and `limit` does not."""
    low, high = fitting // granularity, -(-limit // granularity)
    first = min(granularity, limit)
    if not low and min(spares(first)) >= 0:
        low = 1
    tried = {low: spares(max(fitting, low * granularity)), high: spares(limit)}
    guesses = 0
    while high - low > 1:
        guesses += 1
        guess = isqrt(low * high) if guesses % 4 == 0 else _crossing(tried, low, high)
        guess = max(guess, low + 1)
        tried[guess] = spares(guess * granularity)
        low, high = (guess, high) if min(tried[guess]) >= 0 else (low, guess)
    return low


def _last(spares: Callable[[int], Spares], low: int, high: int) -> int:
    """How far behind `low`, which fits, the last one is that fits too, before `high`, which does not."""
    start = low
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if min(spares(middle)) >= 0 else (low, middle)
    return low - start


def _crossing(tried: Mapping[int, Spares], low: int, high: int) -> int:
    """Where something begins to be missing, between the nearest two of `tried`.

    A place is taken to lie on the parabola ``n(spare)`` through the three sizes at which it is nearest to full, which
    finds it in few steps also where compute grows by the square of a prompt; on a line where that leads out of them.
    """
    crossings = []
    for number, (left, right) in enumerate(zip(tried[low], tried[high], strict=False)):
        if right >= 0:
            continue
        nearest = sorted((abs(each[number]), each[number], n) for n, each in tried.items() if number < len(each))[:3]
        found = _bent([(spare, n) for _, spare, n in nearest])
        if found is None or not low <= found < high:
            found = low + left * (high - low) // (left - right)
        crossings.append(int(found))
    return min(crossings, default=(low + high) // 2)


def _bent(points: Sequence[tuple[int, int]]) -> float | None:
    """n at a spare of nothing on the parabola through (spare, n); None where two spares are the same."""
    if len({spare for spare, _ in points}) < 3:
        return None
    (a, at), (b, bt), (c, ct) = points
    return at * b * c / ((a - b) * (a - c)) + bt * a * c / ((b - a) * (b - c)) + ct * a * b / ((c - a) * (c - b))
