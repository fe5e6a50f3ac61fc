"""Does it fit, with how much room, and with how much context: footprints against devices.

The largest context is solved for, not scanned: memory grows with the context nearly as a line does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import NamedTuple

from llmscale.devices.sets import DeviceSet
from llmscale.footprint import Candidate, Quantity
from llmscale.runtimes.interface import Subject, Workload

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
    # Each subject is solved alone: the most that several take is the most of each.
    unlike = {subject.shape: subject for subject in candidate.subjects}.values()
    growing = [subject for subject in unlike if not subject.shape.sequence]
    sizes = [_size(candidate, subject, work) for subject in growing]
    grain = candidate.runtime.grain
    answers = []
    for devices in sets:
        more = further(candidate, work, devices)
        room = devices.count * candidate.runtime.room(devices, work) - more
        solved = [largest(size, room, limit or LONGEST, grain) for size in sizes]
        longest = None if None in solved else min((n for n in solved if n is not None), default=None)
        answers.append(
            Fit(
                fits=footprint.high - footprint.host <= room,
                may_fit=footprint.low - footprint.host <= room,
                total=footprint.total + more,
                headroom=room - (footprint.total - footprint.host),
                missing=max(0, footprint.high - footprint.host - room),
                max_context=longest,
            )
        )
    return answers


def further(candidate: Candidate, work: Workload, devices: DeviceSet) -> int:
    """What a model takes on the devices after the first besides its share of the parts: the runtime, once more each."""
    return (devices.count - 1) * candidate.runtime.overhead(candidate.subjects[0], work)


def first_that_fits(candidates: Iterable[Candidate], work: Workload, devices: DeviceSet) -> int | None:
    """The index of the first of `candidates`, which differ in their weights alone, that surely fits; None if none does.

    Only the weights are looked at again for each: what else they take is the same.
    """
    room: int | None = None
    for index, candidate in enumerate(candidates):
        if room is None:
            bare = candidate._replace(weights=Quantity.exactly(0), host=0)
            room = devices.count * candidate.runtime.room(devices, work)
            room -= further(candidate, work, devices) + bare.footprint(work).high
        if candidate.weights.high - candidate.host <= room:
            return index
    return None


def _size(candidate: Candidate, subject: Subject, work: Workload) -> Callable[[int], int]:
    """The most bytes on one device by context; the same ends are asked for every device, so they are kept."""
    return cache(lambda context: candidate.most(subject, work._replace(context=context)))


def largest(size: Callable[[int], int], room: int, limit: int, grain: int = 1) -> int | None:
    """The largest n in [1, limit] with ``size(n) <= room``; None when there is none.

    Memory is nearly linear in n, so each guess is where a line between the ends that are known meets `room`; every
    third one halves what is left, which bounds the number of guesses however bent the curve.

    Args:
        size: never shrinks as n grows.
        grain: `size` changes only from one multiple of it to the next, as n is rounded up.
    """
    if size(1) > room:
        return None
    if size(limit) <= room:
        return limit
    low, high = 0, -(-limit // grain)  # in grains: the first fits (any fraction of one does), the last does not
    if size(min(grain, limit)) <= room:
        low = 1
    below, above = size(max(1, low * grain)), size(limit)
    guesses = 0
    while high - low > 1:
        guesses += 1
        along = (room - below) / (above - below) if above > below else 0.5
        guess = low + int((high - low) * (0.5 if guesses % 3 == 0 else along))
        guess = min(max(guess, low + 1), high - 1)
        found = size(guess * grain)
        if found <= room:
            low, below = guess, found
        else:
            high, above = guess, found
    return min(low * grain, limit) or 1
