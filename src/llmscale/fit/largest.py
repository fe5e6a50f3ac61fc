"""Does it fit, with how much room, and with how much context: footprints against devices.

The largest context is solved for, not scanned: memory grows with the context nearly as a line does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

from llmscale.devices.sets import DeviceSet
from llmscale.errors import UsageError
from llmscale.fit.footprint import Candidate
from llmscale.quantity import Quantity
from llmscale.runtimes import TENSOR_PARALLEL
from llmscale.runtimes.interface import Subject, Workload

#: Beyond any published limit; asked only of models that have none.
LONGEST = 1 << 27


class Fit(NamedTuple):
    """One footprint on one set of devices.

    Attributes:
        fits: whether it surely fits, with the most it may take.
        may_fit: whether it fits with the least it may take; more than `fits` only for ranges.
        total: bytes on all devices together, with the runtime's overhead on each; what stays in RAM is not among them.
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
    growing = [number for number, subject in enumerate(unlike) if not subject.shape.sequence]
    grain = candidate.runtime.grain
    sizes = {
        count: [_size(candidate, subject, work, count) for subject in unlike]
        for count in {devices.count for devices in sets}
    }
    answers = []
    for devices in sets:
        own = candidate.runtime.beyond(devices)
        more = further(candidate, work, devices.count) + own
        room = usable(candidate, devices, work)
        ours = sizes[devices.count]
        solved = [largest(ours[number], room - own, limit or LONGEST, grain) for number in growing]
        most = max(size(work.context) for size in ours) + own
        longest = None if None in solved else min((n for n in solved if n is not None), default=None)
        total = footprint.total + more - footprint.host
        answers.append(
            Fit(
                fits=most <= room,
                may_fit=footprint.low - footprint.host + more <= room,
                total=total,
                headroom=room - total,
                missing=max(0, most - room),
                max_context=longest,
            )
        )
    return answers


def largest_batch(candidate: Candidate, work: Workload, devices: DeviceSet, limit: int) -> int:
    """The most sequences of the context at once, up to `limit`, that surely fit; 0 when not even one does."""
    room = usable(candidate, devices, work) - candidate.runtime.beyond(devices)
    unlike = {subject.shape: subject for subject in candidate.subjects}.values()

    def size(subject: Subject) -> Callable[[int], int]:
        alone = candidate._replace(subjects=(subject,))

        def of(batch: int) -> int:
            asked = work._replace(batch=batch)
            try:
                return candidate.most(subject, asked) + further(alone, asked, devices.count)
            except UsageError:  # the runtime refuses so many
                return room + 1

        return cache(of)

    return min(largest(size(subject), room, limit) or 0 for subject in unlike)


def further(candidate: Candidate, work: Workload, count: int) -> int:
    """What a model takes on the devices after the first besides its share of weights and cache.

    Each holds some of the layers, so each has the runtime's overhead and buffers of its own for them.
    """
    if count == 1:
        return 0
    run, subjects = candidate.runtime, candidate.subjects
    compute = sorted(run.compute(subject, work) for subject in subjects)
    return (count - 1) * (run.overhead(subjects[0], work) + compute[(len(compute) - 1) // 2])


def usable(candidate: Candidate, devices: DeviceSet, work: Workload) -> int:
    """Bytes that a model may take of all devices."""
    room = candidate.runtime.room(devices, work)
    if candidate.runtime.name in TENSOR_PARALLEL:
        return devices.count * room
    return devices.total_usable - devices.count * (devices.usable - room)


def room_for_weights(candidate: Candidate, work: Workload, devices: DeviceSet) -> int:
    """The most bytes that weights may have on `devices`, with all that the model takes besides."""
    bare = candidate._replace(weights=Quantity.exactly(0), host=0)
    room = usable(candidate, devices, work) - candidate.runtime.beyond(devices)
    return room - further(candidate, work, devices.count) - bare.footprint(work).high


def _size(candidate: Candidate, subject: Subject, work: Workload, count: int) -> Callable[[int], int]:
    """The most bytes on `count` devices by context; the same ends are asked for every device, so they are kept."""
    alone = candidate._replace(subjects=(subject,))

    def size(context: int) -> int:
        asked = work._replace(context=context)
        each = candidate.slack(subject, asked)[1] if count > 1 else 0
        return candidate.most(subject, asked) + further(alone, asked, count) + (count - 1) * each

    return cache(size)


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
