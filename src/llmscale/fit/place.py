"""Where a subject lies on devices under a runtime: the one question that every answer asks.

Of a bare size every model of about that size is asked; the answer is the one in the middle, with their extremes.
"""

from __future__ import annotations

from collections.abc import Sequence

from llmscale.devices.sets import DeviceSet
from llmscale.errors import UsageError
from llmscale.fit.bare import BareSize
from llmscale.fit.subject import Subject
from llmscale.quantity import Basis, Quantity
from llmscale.records import NamedTuple
from llmscale.runtimes.general import cache_bytes, state_bytes
from llmscale.runtimes.interface import Runtime, Workload
from llmscale.runtimes.placed import KINDS, OVERHEAD, WEIGHTS, Part, Placement, Usage
from llmscale.runtimes.subject import Exact, SizedWeights


class Settled(NamedTuple):
    """A placement, and the workload as the runtime settled it."""

    work: Workload
    placed: Placement


def place(runtime: Runtime, subject: Subject, asked: Workload, devices: DeviceSet) -> Settled:
    """Where `subject` lies.

    Raises:
        UsageError, UnsupportedModelError: what the runtime refuses.
    """
    if not isinstance(subject, Exact):
        refuse_too_few(runtime.ranks(asked), devices)
    if isinstance(subject, BareSize):
        work = runtime.settle(subject.neighbours[0], asked, devices)
        return Settled(work, _of_size(runtime, subject, work, devices))
    work = runtime.settle(subject, asked, devices)
    placer = runtime.place if isinstance(subject, Exact) else runtime.screen
    return Settled(work, placer(subject, work, devices))  # type: ignore[arg-type]


def _of_size(runtime: Runtime, subject: BareSize, work: Workload, devices: DeviceSet) -> Placement:
    """What lies there of it; on devices that a runtime fills alike all models of about the size are asked once."""
    sized = SizedWeights(subject.weights, subject.weights.value)
    alike = runtime.screens_alike(work, devices)
    kind, further = alike or (None, 0)
    key = (runtime.info.name, runtime.release, subject.weights, repr(work), kind)
    if alike is None or key not in subject.screened:
        found = [runtime.screen(near._replace(sized=sized), work, devices) for near in subject.neighbours]
        subject.screened[key] = _together(subject, work, found), further
        return subject.screened[key][0]
    own = runtime.screen(subject.neighbours[0]._replace(sized=sized), work, devices)
    placed, theirs = subject.screened[key]
    on_each = zip(placed.devices, own.devices, strict=True)
    return placed._replace(devices=tuple(_moved(one, there.budget, further - theirs) for one, there in on_each))


def _moved(usage: Usage, budget: int, further: int) -> Usage:
    """The same on a device with another budget, on which so many bytes more lie beside the model."""
    parts = tuple(Part(part.kind, part.size.plus(further)) if part.kind == OVERHEAD else part for part in usage.parts)
    ends = usage.ends and (usage.ends[0] + further, usage.ends[1] + further)
    return Usage(budget, parts, ends)


def refuse_too_few(ranks: int, devices: DeviceSet) -> None:
    """Of what has its tensors the runtime itself refuses them, in its words.

    Raises:
        UsageError: options that deal a model out to more devices than there are.
    """
    if ranks > devices.count:
        raise UsageError(
            f"The options ask for {ranks} devices together, and {devices.count} are named.",
            f"For example --gpu '{ranks}x ...'.",
        )


def _together(subject: BareSize, work: Workload, found: Sequence[Placement]) -> Placement:
    """What models of about the size take besides its weights, which lie as the one in the middle has them.

    The one in the middle by the plain size of its cache gives the values, so that it is the same one on all devices; no
    model is the extreme in every part, so the ends of the whole are those of the smallest and of the largest.
    """
    caches = [cache_bytes(one.widths, work) + state_bytes(one.widths, work) for one in subject.neighbours]
    ranked = sorted(subject.models, key=caches.__getitem__)
    middle = found[ranked[(len(ranked) - 1) // 2]]
    least, most = (choose(found, key=lambda placed: placed.used) for choose in (min, max))
    dealt = Quantity.sum([subject.weights] * middle.copies).split(
        [_sizes(usage).get(WEIGHTS, 0) for usage in middle.devices]
    )
    usages = []
    for number, (usage, weights) in enumerate(zip(middle.devices, dealt, strict=True)):
        sizes, every = _sizes(usage), [_sizes(placed.devices[number]) for placed in found]
        parts = [Part(WEIGHTS, weights)] if weights.high else []
        for kind in KINDS:
            spread = [one.get(kind, 0) for one in every]
            if kind != WEIGHTS and any(spread):
                parts.append(Part(kind, _spread(sizes.get(kind, 0), min(spread), max(spread))))
        low = weights.low + _besides(least.devices[number])
        high = weights.high + _besides(most.devices[number])
        # Where each has room for something else, one may have more on a device than a larger one has.
        usages.append(Usage(usage.budget, tuple(parts), (min(low, usage.used), max(high, usage.used))))
    return middle._replace(devices=tuple(usages), layers=None)  # those of one model say nothing of a size


def _besides(usage: Usage) -> int:
    """What a device holds besides weights."""
    return usage.used - _sizes(usage).get(WEIGHTS, 0)


def _spread(value: int, low: int, high: int) -> Quantity:
    return Quantity(value, low, high, Basis.MODELLED if low == high else Basis.ASSUMED)


def _sizes(usage: Usage) -> dict[str, int]:
    """Bytes by what they are for."""
    found: dict[str, int] = {}
    for part in usage.parts:
        found[part.kind] = found.get(part.kind, 0) + part.size.value
    return found
