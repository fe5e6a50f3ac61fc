"""What a command names as devices, this machine's own among them: as the catalogue knows it, with its real memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from llmscale.devices.processor import is_processor, processor
from llmscale.devices.sets import RESERVE, DeviceSet, device_set, together
from llmscale.names import normal
from llmscale.notes import Note, note
from llmscale.units import GIB

if TYPE_CHECKING:
    from llmscale.devices.detect.interface import DetectedDevice
    from llmscale.devices.device import Device

#: What stands for the devices of this machine.
LOCAL = "local"


def named(text: str, reserve: int | None = None) -> DeviceSet:
    """The devices that a text names, see `device_set`, those of this machine, or a processor with its RAM.

    Raises:
        UsageError, NotFoundError: as `device_set`; there are none here.
    """
    if text.strip().lower() == LOCAL:
        return local(reserve)
    if is_processor(text):
        return processor(text, reserve)
    return device_set(text, reserve)


def local(reserve: int | None = None) -> DeviceSet:
    """All devices of this machine.

    Args:
        reserve: bytes kept free on each, as `device_set`.

    Raises:
        NotFoundError: there are none.
    """
    from llmscale.devices.detect.registry import machine, refuse_none  # asks libraries and programs

    found = machine()
    refuse_none(found.devices, found.missing)
    return of(found.devices, reserve)


def of(devices: Sequence[DetectedDevice], reserve: int | None = None) -> DeviceSet:
    """These devices; what other processes hold of one is not there to be used."""
    return together([_one(device, reserve) for device in devices], "local")


def _one(found: DetectedDevice, reserve: int | None) -> DeviceSet:
    device = None if found.part else known_as(found)
    kept = RESERVE if reserve is None else reserve
    usable = found.total - kept
    if device is not None and device.gpu_share:
        usable = found.usable or int(found.total * (device.share(found.total) or device.gpu_share)) - (reserve or 0)
    elif found.usable is not None:
        usable = found.usable
    taken = found.total - found.free if found.free is not None else 0
    notes: tuple[Note, ...] = ()
    if taken > kept and found.free is not None and found.free < usable:
        usable = found.free
        notes = (note("held_by_others", device=found.name, gib=round(taken / GIB, 1)),)
    if device is not None:
        return DeviceSet(device.id, device.name, 1, found.total, usable, notes=notes)
    return DeviceSet(normal(found.name), found.name, 1, found.total, usable, notes=notes)


def known_as(found: DetectedDevice) -> Device | None:
    """The catalogue's device of that name and memory; None where it has none, or several."""
    from llmscale.devices.device import entry
    from llmscale.devices.resolve import candidates, twins

    ids = candidates(found.name)
    every = {twin.id: twin for one in ids for twin in twins(entry(one))}
    # A driver shows up to 10 % less than a card is sold with.
    near = [device for device in every.values() if _is_sold_with(device, found.total)]
    exact = [device for device in near if device.id in ids]
    several = exact or near
    return several[0] if len(several) == 1 else None


def _is_sold_with(device: Device, total: int) -> bool:
    return bool(device.memory_options_gib) or 0.9 <= total / (device.memory_gib * GIB) <= 1.03
