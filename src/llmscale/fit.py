"""Does it fit, with how much room, and with how much context: footprints against devices.

The largest context is solved for: between the bends of a footprint memory is linear in the context, so the answer
lies in the first stretch that ends above the limit, at a point that two evaluations give.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import NamedTuple

from llmscale.devices.sets import DeviceSet
from llmscale.footprint import Candidate, Quantity
from llmscale.runtimes.interface import Workload
from llmscale.shape import Shape

#: Beyond any published limit; asked only of models that have none.
LONGEST = 1 << 27


class Fit(NamedTuple):
    """One footprint on one set of devices.

    Attributes:
        fits: whether it surely fits, with the most it may take.
        may_fit: whether it fits with the least it may take; more than `fits` only for ranges.
        total: bytes on all devices together, with the runtime's overhead on each.
        headroom: bytes that are left of what a model may take; negative when missing.
        missing: bytes that are lacking for the most it may take; 0 when it fits.
        max_context: the largest context that surely fits, within the model's own limit; None when not even one
            token does, and for models without a context.
    """

    fits: bool
    may_fit: bool
    total: int
    headroom: int
    missing: int
    max_context: int | None


def fit(candidate: Candidate, work: Workload, sets: Sequence[DeviceSet], limit: int | None) -> list[Fit]:
    """Hold `candidate` against each of `sets`.

    Args:
        limit: the model's own longest context; None when it has none.
    """
    footprint = candidate.footprint(work)
    # Each shape is solved alone: the most that several take is not linear between their bends.
    growing = [shape for shape in dict.fromkeys(candidate.shapes) if not shape.sequence]
    solvable = [(_size(candidate, shape, work), candidate.runtime.bends(shape)) for shape in growing]
    answers = []
    for devices in sets:
        more = (devices.count - 1) * candidate.runtime.overhead()
        room = devices.total_usable - more
        solved = [largest(size, room, bends, limit or LONGEST) for size, bends in solvable]
        longest = None if None in solved else min((n for n in solved if n is not None), default=None)
        answers.append(
            Fit(
                fits=footprint.high <= room,
                may_fit=footprint.low <= room,
                total=footprint.total + more,
                headroom=room - footprint.total,
                missing=max(0, footprint.high - room),
                max_context=longest,
            )
        )
    return answers


def first_that_fits(candidates: Iterable[Candidate], work: Workload, devices: DeviceSet) -> int | None:
    """The index of the first of `candidates`, which differ in their weights alone, that surely fits; None if none does.

    Only the weights are looked at again for each: what else they take is the same.
    """
    room: int | None = None
    for index, candidate in enumerate(candidates):
        if room is None:
            more = (devices.count - 1) * candidate.runtime.overhead()
            besides = candidate._replace(weights=Quantity.exactly(0)).footprint(work).high
            room = devices.total_usable - more - besides
        if candidate.weights.high <= room:
            return index
    return None


def _size(candidate: Candidate, shape: Shape, work: Workload) -> Callable[[int], int]:
    """The most bytes on one device by context; the same ends are asked for every device, so they are kept."""
    return cache(lambda context: candidate.most(shape, work._replace(context=context)))


def largest(size: Callable[[int], int], room: int, bends: Sequence[int], limit: int) -> int | None:
    """The largest n in [1, limit] with ``size(n) <= room``; None when there is none.

    Args:
        size: grows with n and is linear between the bends but for the rounding of partial blocks.
        bends: where its slope changes.
    """
    if size(1) > room:
        return None
    left = 1
    for right in [*sorted(bend for bend in bends if 1 < bend < limit), limit]:
        above = size(right)
        if above > room:
            below = size(left)
            n = left + (room - below) * (right - left) // (above - below)
            # Rounding of blocks moves the answer by a token or two at most.
            while n > left and size(n) > room:
                n -= 1
            while n < right and size(n + 1) <= room:
                n += 1
            return n
        left = right
    return limit
