"""The longest context and the most sequences that fit: solved for with the runtime's own placement, not scanned."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from llmscale.devices.sets import DeviceSet
from llmscale.errors import UsageError
from llmscale.fit.place import place
from llmscale.fit.subject import Subject
from llmscale.runtimes.interface import Runtime, Workload

#: Beyond any published limit; asked only of models that have none.
LONGEST = 1 << 27


def longest_context(
    runtime: Runtime, subject: Subject, asked: Workload, devices: DeviceSet, limit: int | None
) -> int | None:
    """The largest context up to `limit` at which as many sequences surely fit; None when not even one token does."""

    def spare(context: int) -> int:
        return place(runtime, subject, asked._replace(context=context), devices).placed.spare

    return largest(spare, limit or LONGEST, runtime.granularity(asked))


def most_sequences(runtime: Runtime, subject: Subject, asked: Workload, devices: DeviceSet, limit: int) -> int:
    """The most sequences of the context at once, up to `limit`, that surely fit; 0 when not even one does."""

    def spare(batch: int) -> int:
        try:
            return place(runtime, subject, asked._replace(batch=batch), devices).placed.spare
        except UsageError:  # the runtime refuses so many
            return -1

    return largest(spare, limit) or 0


def largest(spare: Callable[[int], int], limit: int, granularity: int = 1) -> int | None:
    """The largest n in [1, limit] with ``spare(n) >= 0``; None when there is none.

    Memory is nearly linear in n, so each guess is where a line between the ends that are known meets zero; every third
    one halves what is left, which bounds the number of guesses however bent the curve.

    Args:
        spare: never grows with n.
        granularity: `spare` changes only from one multiple of it to the next, as n is rounded up.
    """
    spare = cache(spare)
    if spare(1) < 0:
        return None
    if spare(limit) >= 0:
        return limit
    low, high = 0, -(-limit // granularity)  # in granules: the first fits (any fraction of one does), the last does not
    if spare(min(granularity, limit)) >= 0:
        low = 1
    below, above = spare(max(1, low * granularity)), spare(limit)
    guesses = 0
    while high - low > 1:
        guesses += 1
        along = below / (below - above) if below > above else 0.5
        guess = low + int((high - low) * (0.5 if guesses % 3 == 0 else along))
        guess = min(max(guess, low + 1), high - 1)
        found = spare(guess * granularity)
        if found >= 0:
            low, below = guess, found
        else:
            high, above = guess, found
    return min(low * granularity, limit) or 1
