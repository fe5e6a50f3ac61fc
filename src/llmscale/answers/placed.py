"""A placement as answers show it: what each device holds, how fast it runs, what to type; read off, never computed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from llmscale.answers.results.estimate import DeviceFit, DeviceUsage
from llmscale.answers.results.later import deferred
from llmscale.devices.sets import DeviceSet
from llmscale.errors import UsageError
from llmscale.fit.about import About
from llmscale.fit.bare import BareSize
from llmscale.fit.choose import Choices
from llmscale.fit.largest import longest_context, most_sequences
from llmscale.fit.pace import Moved, Pace, assumed_ram, explain_pace, pace
from llmscale.fit.place import Settled, refuse_too_few
from llmscale.fit.question import Question
from llmscale.fit.subject import Subject
from llmscale.notes import Note, note
from llmscale.records import NamedTuple
from llmscale.runtimes.interface import ModelName, Runtime, Workload
from llmscale.runtimes.placed import CACHE, OVERHEAD, WEIGHTS, LayerSplit, Placement, Usage, Verdict
from llmscale.runtimes.subject import Exact


class Laid(NamedTuple):
    """A subject laid on devices.

    Attributes:
        partly: what runs where not everything fits, with the rest in host memory.
    """

    runtime: Runtime
    subject: Subject
    asked: Workload
    settled: Settled
    devices: DeviceSet
    partly: Placement | None

    @property
    def placed(self) -> Placement:
        """Where it lies."""
        return self.settled.placed

    @property
    def running(self) -> Placement | None:
        """What can be run: all of it, where it fits and nothing forbids it, or that part; None when nothing can."""
        placed = self.placed
        bytes_fit = all(usage.verdict is Verdict.YES for usage in (*placed.devices, placed.host))
        return placed if bytes_fit and placed.fits is not Verdict.NO else self.partly

    @property
    def split(self) -> str:
        """The layers of each device by which all of it fits, where by the runtime's own shares it does not."""
        layers = self.partly.layers if self.partly else None
        return ",".join(map(str, layers.split)) if layers and layers.whole else ""

    @property
    def layers(self) -> LayerSplit | None:
        """Layers between devices and host memory, of what can be run."""
        return (self.running or self.placed).layers


def laid(runtime: Runtime, subject: Subject, asked: Workload, settled: Settled, devices: DeviceSet) -> Laid:
    """With what can be run in part where not everything fits."""
    part = None
    if settled.placed.fits is not Verdict.YES and isinstance(subject, Exact) and not devices.unnamed:
        part = runtime.partly(subject, settled.work, devices)
    return Laid(runtime, subject, asked, settled, devices, part)


def enough(devices: DeviceSet, ranks: int) -> DeviceSet:
    """One device stands for as many as the options deal the model out to."""
    return replace(devices, count=ranks) if devices.count == 1 else devices


def dealt(sets: Sequence[DeviceSet], every: Choices, asked: Question) -> list[DeviceSet]:
    """The devices; one stands for as many as the options deal a model out to.

    Raises:
        UsageError: several that are fewer than that.
    """
    ranks = max(asked.ranks(quant) for steps in every.ladders for quant in steps) if asked.options else 1
    found = [enough(devices, ranks) for devices in sets]
    for devices in found:
        refuse_too_few(ranks, devices)
    return found


def device_fit(one: Laid, about: About, most: int, what: Moved | None, called: Callable[[], ModelName]) -> DeviceFit:
    """Everything that is known of `one`.

    Args:
        most: sequences that may be asked for.
        what: what a token moves; None where no speed is told.
        called: how a command names the model.
    """
    placed, devices = one.placed, one.devices
    fullest = min(placed.devices, key=lambda usage: usage.free)
    speed = pace_of(one, what)
    first = speed.first_token if speed else None
    layers, running = one.layers, one.running or placed
    return DeviceFit(
        id=devices.id,
        count=devices.count,
        memory_bytes=devices.memory,
        usable_bytes=placed.usable,
        used_bytes=placed.used,
        free_bytes=placed.free,
        host_bytes=placed.host.used,
        fits=placed.fits is Verdict.YES,
        may_fit=placed.fits is not Verdict.NO,
        limits=tuple(_limits(one, about)),
        headroom_bytes=placed.headroom,
        max_context=deferred(lambda: longest(one, about)),
        max_batch=deferred(lambda: _sequences(one, most)),
        gpu_layers=layers.on_devices if layers else None,
        layers=layers.total if layers else None,
        cpu_moe=(layers.cpu_moe or None) if layers else None,
        weights_bytes=size(fullest, WEIGHTS),
        kv_cache_bytes=placed.capacity.bytes if placed.capacity else size(fullest, CACHE),
        overhead_bytes=size(fullest, OVERHEAD),
        ram_bytes=running.host.used if layers or running.host.used else None,
        kv_cache_tokens=placed.capacity.tokens if placed.capacity else None,
        max_concurrency=placed.capacity.requests if placed.capacity else None,
        tokens_per_second=speed.decode.value if speed else None,
        tokens_per_second_range=(speed.decode.low, speed.decode.high) if speed else None,
        first_token_seconds=first.value if first else None,
        first_token_seconds_range=(first.low, first.high) if first else None,
        command=command(one, called),
        per_device=tuple(
            DeviceUsage(name, usage.budget, usage.used, usage.free, by_kind(usage))
            for name, usage in zip(devices.ids, placed.devices, strict=True)
        ),
        running=placed.capacity.at_once if placed.capacity else 0.0,
        used_ends=placed.used_ends,
    )


def _limits(one: Laid, about: About) -> Iterator[Note]:
    """What decides besides the bytes of devices: the runtime, RAM that is named too small, too long a context."""
    yield from (limit.note for limit in one.placed.limits if limit.verdict is not Verdict.YES)
    if one.split:
        yield note("fits_split", split=one.split)
    host = one.placed.host
    if host.verdict is not Verdict.YES:
        yield note("ram_short", ram=host.used, named=host.budget)
    context = one.settled.work.context
    if about.limit and context > about.limit and not about.sequence:
        yield note("context_beyond_limit", context=context, limit=about.limit)


def by_kind(usage: Usage) -> dict[str, int]:
    """Bytes of a device by what they are for."""
    return {part.kind: part.size.value for part in usage.parts}


def size(usage: Usage, kind: str) -> int:
    """Bytes of one kind on a device."""
    return sum(part.size.value for part in usage.parts if part.kind == kind)


def command(one: Laid, called: Callable[[], ModelName]) -> str | None:
    """What to type; None where nothing can be run so."""
    if one.running is None or isinstance(one.subject, BareSize):
        return None
    return one.runtime.launch(one.subject, one.settled.work, one.running, called())


def explained_pace(one: Laid, what: Moved | None) -> list[str]:
    """The time of a step with the numbers put in; nothing where no speed is told."""
    placement = _paced(one)
    if placement is None:
        return []
    return explain_pace(one.runtime, what, one.subject.quant.id, one.settled.work, placement, one.devices)


def pace_of(one: Laid, what: Moved | None) -> Pace | None:
    """How fast what can be run is; None where nobody measured devices like these."""
    placement = _paced(one)
    if placement is None:
        return None
    return pace(one.runtime, what, one.subject.quant.id, one.settled.work, placement, one.devices)


def _paced(one: Laid) -> Placement | None:
    """What a speed can be told of: all that is on devices, or that lies in host memory by name, or by need where that
    memory was described."""
    placed = one.placed
    if placed.fits is not Verdict.YES and (one.devices.host or running_ram(one)):
        return None
    if one.running is not None:
        return one.running
    return placed if placed.layers and not placed.layers.whole else None


def running_ram(one: Laid) -> tuple[float, float, float] | None:
    """How fast the RAM is taken to be of what can be run; None where nothing lies there, or somebody said."""
    return assumed_ram(one.runtime, one.settled.work, (one.running or one.placed).layers, one.devices)


def longest(one: Laid, about: About) -> int | None:
    """The longest context that surely fits; None for none, and for models that always see the same number of tokens."""
    if about.sequence:
        return None
    return longest_context(one.runtime, one.subject, one.asked, one.devices, about.limit)


def _sequences(one: Laid, most: int) -> int | None:
    try:
        return most_sequences(one.runtime, one.subject, one.asked, one.devices, most) or None
    except UsageError:
        return None
