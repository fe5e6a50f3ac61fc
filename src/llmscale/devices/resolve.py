"""From a device as people write it to one device of the catalogue, how many, and how much memory of it.

What the catalogue spells out is found without this module (`sets`). A name that several devices have, which differ in
memory alone, is never silently the largest of them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from llmscale.devices.device import Device, made, spelled
from llmscale.devices.keys import key
from llmscale.devices.spoken import Spoken, readings
from llmscale.errors import NotFoundError, UsageError
from llmscale.names import normal, shortened
from llmscale.notes import Note, note
from llmscale.records import NamedTuple
from llmscale.store.tables import table


class Found(NamedTuple):
    """What a text names.

    Attributes:
        device: None where only memory is named.
        size: the memory that is named; empty where the device's own is meant.
        machine: whether the size is that of the whole machine, of which a GPU may use its share.
    """

    number: int
    device: Device | None
    size: str = ""
    machine: bool = False
    notes: tuple[Note, ...] = ()


def resolve(text: str) -> Found | None:
    """The device that a text names; None when nobody knows it.

    Raises:
        NotFoundError: it may be any of several.
        UsageError: a device that is not sold with so much memory.
    """
    data, devices = table("device_names"), table("devices")
    several: list[str] = []
    for spoken in readings(text, data["phrases"], data["counts"]):
        if not spoken.name and spoken.size:
            return Found(spoken.number, None, spoken.size)
        ids, notes = _ids(spoken, data, devices)
        if len(ids) == 1:
            return _of_size(text, spoken, made(devices["entries"][ids[0]]), notes)
        several = several or ids
    if several:
        raise NotFoundError(
            f"'{shortened(text)}' could be any of {len(several)} devices.", f"Name one: {', '.join(several)}."
        )
    return None


def candidates(text: str) -> list[str]:
    """The ids of all devices that a text may name."""
    data, devices = table("device_names"), table("devices")
    found = (_ids(spoken, data, devices)[0] for spoken in readings(text, data["phrases"], data["counts"]))
    return next((ids for ids in found if ids), [])


def _ids(spoken: Spoken, data: dict[str, Any], devices: dict[str, Any]) -> tuple[list[str], tuple[Note, ...]]:
    """The devices of that name, with what was chosen among them."""
    if spoken.options:
        found = [one for name in spoken.options for one in _named(name, data, devices)]
        return list(dict.fromkeys(found)), ()
    target = re.search(r"gfx[\da-f]+", spoken.name)
    if target and target.group() in data["targets"]:
        first, *others = data["targets"][target.group()]
        return [first], (note("also_target", target=target.group(), device=first, others=others),) if others else ()
    if spoken.size and (found := _named(f"{spoken.name} {spoken.size}", data, devices)):
        return found, ()
    return _named(spoken.name, data, devices), ()


def _named(name: str, data: dict[str, Any], devices: dict[str, Any]) -> list[str]:
    if not name:
        return []
    found: list[str] = devices["names"].get(normal(name)) or data["keys"].get(key(name, data["noise"]), [])
    return found


def _of_size(text: str, spoken: Spoken, device: Device, notes: tuple[Note, ...]) -> Found:
    """The device with the memory that is named, or without one the smallest that it is sold with."""
    if not spoken.size:
        return Found(spoken.number, device, notes=notes)
    gib = _gib(spoken.size)
    if gib in device.memory_options_gib:
        return Found(spoken.number, device, spoken.size, machine=True, notes=notes)
    if gib == device.memory_gib:
        return Found(spoken.number, device, notes=notes)
    twin = of_size(device, gib) or spelled(f"{device.id} {spoken.size}")
    if twin:
        return Found(spoken.number, twin, notes=notes)
    if device.memory_options_gib:
        sold = ", ".join(f"{size:g}" for size in device.memory_options_gib)
        raise UsageError(f"'{shortened(text)}': {device.name} is sold with {sold} GB.", _portion(device, spoken.size))
    raise UsageError(f"'{shortened(text)}': {device.name} has {device.memory_gib:g} GB.", _portion(device, spoken.size))


def _portion(device: Device, size: str) -> str:
    return f"So much of it: {device.id}:{size.upper()}."


def _gib(size: str) -> float:
    number = re.match(r"[\d.]+", size)
    return (
        float(number.group()) * (1024 if size.endswith("tb") else 1)
        if number and size[-2:] in ("gb", "ib", "tb")
        else 0
    )


def twins(device: Device) -> Sequence[Device]:
    """The devices that differ from this one in memory alone, the smallest first; it alone where there are none."""
    data = table("devices")
    ids = data["sizes"].get(device.id, [device.id])
    return sorted((made(data["entries"][one]) for one in ids), key=lambda one: one.memory_gib)


def of_size(device: Device, gib: float) -> Device | None:
    """The twin of a device with so much memory; None where there is none."""
    return next((twin for twin in twins(device) if twin.memory_gib == gib and twin.id != device.id), None)


def unsized(device: Device, name: str) -> tuple[Device, Note | None]:
    """Which device a name without a size means, and what to say of the others.

    Of those that were brought out together the smallest; of others the one that has the name, and the smaller are said.
    """
    if _says_size(name):
        return device, None
    alike = twins(device)
    together = [twin for twin in alike if twin.released == device.released]
    if len(together) > 1:
        first, *others = together
        return first, note("smallest_taken", name=shortened(name), device=first.id, others=[one.id for one in others])
    smaller = [twin.id for twin in alike if twin.memory_gib < device.memory_gib]
    told = note("also_smaller", name=shortened(name), device=device.id, others=smaller) if smaller else None
    return device, told


def _says_size(name: str) -> bool:
    return re.search(r"\d+\s*g(?:i?b)?\b", name, re.IGNORECASE) is not None
