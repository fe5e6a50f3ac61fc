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

#: Beyond any published limit; asked only of models that have none.
LONGEST = 1 << 27
#: What is left of a device, and of each other place, at one size; negative where it is missing.
Spares = Sequence[int]


def longest_context(
    runtime: Runtime, subject: Subject, asked: Workload, devices: DeviceSet, limit: int | None
) -> int | None:
    """The largest context up to `limit` at which as many sequences surely fit; None when not even one token does."""

    def spares(context: int) -> Spares:
        return place(runtime, subject, asked._replace(context=context), devices).placed.spares

    return largest(spares, limit or LONGEST, runtime.granularity(asked))


def most_sequences(runtime: Runtime, subject: Subject, asked: Workload, devices: DeviceSet, limit: int) -> int:
    """The most sequences of the context at once, up to `limit`, that surely fit; 0 when not even one does."""

    def spares(batch: int) -> Spares:
        try:
            return place(runtime, subject, asked._replace(batch=batch), devices).placed.spares
        except UsageError:  # the runtime refuses so many
            return (-1,)

    return largest(spares, limit) or 0


def largest(spares: Callable[[int], Spares], limit: int, granularity: int = 1) -> int | None:
    """The largest n in [1, limit] at which nothing is missing; None when there is none.

    Each place is nearly linear in n, so a guess is where the first line between the known ends meets zero; every third
    one lies between the ends by their ratio, which bounds the number of guesses however bent the lines.

    Args:
        spares: of which none grows with n.
        granularity: they change only from one multiple of it to the next, as n is rounded up.
    """
    spares = cache(spares)
    if min(spares(1)) < 0:
        return None
    if min(spares(limit)) >= 0:
        return limit
    low, high = 0, -(-limit // granularity)  # in granules: the first fits (any fraction of one does), the last does not
    if min(spares(min(granularity, limit))) >= 0:
        low = 1
    below, above = spares(max(1, low * granularity)), spares(limit)
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
    return min(low * granularity, limit) or 1


def _crossing(below: Spares, above: Spares, apart: int) -> int:
    """How far from the lower end something begins to be missing, if all lies on lines to the upper end."""
    crossings = [left * apart // (left - right) for left, right in zip(below, above, strict=False) if right < 0]
    return min(crossings, default=apart // 2)
