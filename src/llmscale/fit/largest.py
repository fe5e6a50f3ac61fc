"""The longest context and the most sequences that fit: solved for with the runtime's own placement, not scanned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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

    Each place is nearly linear in n, so a guess is where the first line between the known ends meets zero; every third
    one lies between the ends by their ratio, which bounds the number of guesses however bent the lines.

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
    below, above = spares(max(fitting, low * granularity)), spares(limit)
    guesses = 0
    while high - low > 1:
        guesses += 1
        guess = isqrt(low * high) if guesses % 3 == 0 else low + _crossing(below, above, high - low)
        guess = min(max(guess, low + 1), high - 1)
        found = spares(guess * granularity)
        if min(found) >= 0:
            low, below = guess, found
        else:
            high, above = guess, found
    return low


def _last(spares: Callable[[int], Spares], low: int, high: int) -> int:
    """How far behind `low`, which fits, the last one is that fits too, before `high`, which does not."""
    start = low
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if min(spares(middle)) >= 0 else (low, middle)
    return low - start


def _crossing(below: Spares, above: Spares, apart: int) -> int:
    """How far from the lower end something begins to be missing, if all lies on lines to the upper end."""
    crossings = [left * apart // (left - right) for left, right in zip(below, above, strict=False) if right < 0]
    return min(crossings, default=apart // 2)
