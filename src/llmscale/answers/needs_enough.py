"""Devices that are enough for a model: the fewest of a kind, with all of it there or with a part in RAM."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from llmscale.answers.in_ram import LEAST_IN_RAM, crawls, in_ram, lighter
from llmscale.answers.results.common import LossRef
from llmscale.answers.results.needs import NeededDevice
from llmscale.answers.worth import SPARSE
from llmscale.devices.device import Device
from llmscale.devices.sets import DeviceSet, set_of
from llmscale.errors import UnsupportedModelError, UsageError
from llmscale.fit.about import About
from llmscale.fit.choose import Chosen, best, too_large
from llmscale.fit.largest import longest_context
from llmscale.fit.offloading import beside_ram, without_offloading
from llmscale.fit.pace import Pace, moved, pace
from llmscale.fit.question import Question
from llmscale.fit.subject import Model
from llmscale.formats.recipe import Quant
from llmscale.notes import Note, note
from llmscale.records import NamedTuple
from llmscale.units import GIB

#: Kinds of which nobody builds a pair.
ALONE = {"laptop", "unified"}


def _sold_as(device: Device) -> str:
    """How it is named; of one that is sold with several sizes of memory the one that is meant.

    Behind a colon stands how much of it is the GPU's, where its owner sets that.
    """
    between = " " if device.carve_out else ":"
    return f"{device.id}{between}{device.memory_gib:g}GB" if device.memory_options_gib else device.id


class Enough(NamedTuple):
    """A device, or several alike, that take the model."""

    device: Device
    devices: DeviceSet
    chosen: Chosen

    @property
    def price(self) -> float | None:
        """What all of them cost at launch."""
        return self.device.price_usd * self.devices.count if self.device.price_usd else None

    @property
    def speed(self) -> Pace | None:
        """How fast it runs; None where nobody measured devices like these."""
        chosen = self.chosen
        subject, work = moved(chosen.subject), chosen.settled.work
        return pace(chosen.runtime, subject, chosen.quant.id, work, chosen.placed, self.devices)

    @property
    def in_part(self) -> int:
        """0 for all on devices, 1 for experts in RAM, 2 for layers there."""
        layers = None if self.devices.host else self.chosen.placed.layers
        return bool(in_ram(layers)) + bool(layers and layers.on_devices < layers.total)

    @property
    def order(self) -> tuple[float, int, float, str]:
        """Smallest memory first, then fewest, cheapest."""
        each = round(self.devices.memory / self.devices.count / GIB)
        return self.devices.count * each, self.devices.count, self.price or 1e9, self.device.id

    @property
    def called(self) -> str:
        """``2x rtx3090``."""
        return f"{self.devices.count}x {_sold_as(self.device)}" if self.devices.count > 1 else _sold_as(self.device)

    def line(self, about: About, others: tuple[str, ...]) -> NeededDevice:
        """What is shown of them, and `others` that are as good."""
        device, devices, chosen = self
        placed, speed = chosen.placed, self.speed
        return NeededDevice(
            id=_sold_as(device),
            name=device.name,
            kind=device.kind,
            count=devices.count,
            memory_bytes=devices.memory,
            usable_bytes=placed.usable,
            used_bytes=placed.used,
            free_bytes=placed.free,
            host_bytes=placed.host.used,
            total_bytes=placed.total,
            headroom_bytes=placed.headroom,
            max_context=None
            if about.sequence
            else longest_context(chosen.runtime, chosen.subject, chosen.asked, devices, about.limit),
            price_usd=self.price,
            power_w=device.power_w * devices.count if device.power_w else None,
            quant=chosen.quant.id,
            runtime=chosen.runtime.info.name,
            release=chosen.runtime.release,
            loss=LossRef.of(chosen.quant.id, about.id),
            tokens_per_second=speed.decode.value if speed else None,
            tokens_per_second_range=(speed.decode.low, speed.decode.high) if speed else None,
            others=others,
            in_part=self.in_part > 0,
        )


class Way(NamedTuple):
    """A way to hold the model: by which question, in which of its quants."""

    asked: Question
    steps: Sequence[Quant]


def swift(suffice: Sequence[Enough], about: About) -> tuple[list[Enough], list[Note]]:
    """Those that hold all of the model, and with a part in RAM those that are not too slow, where there are any; and
    that others are left out."""
    sparse = about.active < SPARSE * about.parameters
    slow = [found for found in suffice if found.in_part and crawls(found.speed, sparse)]
    if not slow or len(slow) == len(suffice):
        return list(suffice), []
    told = note("needs_crawls", least=LEAST_IN_RAM, known=any(found.speed for found in slow))
    return [found for found in suffice if found not in slow], [told]


def ways_of(asked: Question, steps: Sequence[Quant], named: bool) -> list[Way]:
    """On devices alone, and where RAM is named beside them with a part there, in what is still fast then."""
    if not beside_ram(asked):
        return [Way(asked, steps)]
    return [Way(without_offloading(asked), steps), Way(asked, steps if named else lighter(steps) or steps[-1:])]


def enough(device: Device, model: Model, ways: Sequence[Way], most: int, kept: int | None) -> Iterator[Enough]:
    """The fewest of a device that are enough each way, of which a later one is for fewer; none where `most` are not."""
    fewest = most + 1
    for way in ways:
        found = _fewest(device, model, way, most, kept)
        if found and found.devices.count < fewest:
            fewest = found.devices.count
            yield found


def _fewest(device: Device, model: Model, way: Way, most: int, kept: int | None) -> Enough | None:
    for count in _counts(device, way.steps, way.asked, most):
        devices = set_of(device, count, kept)
        if too_large(model, way.steps, devices, way.asked):
            continue
        try:
            found = best(model, way.steps, devices, way.asked)
        except (UsageError, UnsupportedModelError):  # the runtime refuses so many of these
            continue
        if found.fits and not (found.runtime.info.shares_tensors and count & (count - 1)):
            return Enough(device, devices, found)
    return None


def _counts(device: Device, steps: Sequence[Quant], asked: Question, most: int) -> Iterable[int]:
    """How many of a device one would build together: what shares every matrix wants a power of two."""
    least = max(map(asked.ranks, steps))
    counts = range(least, 1 + (1 if device.kind in ALONE else most))
    if all(asked.runs(quant).info.shares_tensors for quant in steps):
        return [count for count in counts if count == least or count & (count - 1) == 0]
    return counts
