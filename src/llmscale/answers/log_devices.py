"""The devices of a log as the catalogue knows them; of one with twins the smallest that holds what the log says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from llmscale.answers.question import named_devices
from llmscale.devices.device import known
from llmscale.devices.sets import AND, ANY_DEVICE, DeviceSet, device_set, sized, together
from llmscale.errors import NotFoundError, UsageError
from llmscale.notes import Note, note
from llmscale.runtimes.logged import Logged, LoggedDevice
from llmscale.units import GIB, format_gib


def devices_of(told: Logged, gpus: Sequence[str]) -> tuple[DeviceSet, list[Note]]:
    """The devices that are named, else those of the log; one without limit where neither says any.

    Raises:
        UsageError, NotFoundError: what is named is no device.
    """
    if gpus:
        named = named_devices([AND.join(gpus)])[0]
        return (named if named.members else _refused(told, 0, named)), []
    if not told.cards:
        return ANY_DEVICE, [note("log_no_device")]
    try:
        every = [_refused(told, at, _device(card, _taken(told, at))) for at, card in enumerate(told.cards)]
        found = together(every, told.cards[0].name)
    except (NotFoundError, UsageError):
        return ANY_DEVICE, [note("log_unknown_device", device=told.cards[0].name[:60])]
    # What was taken among twins was chosen by the memory that the log tells.
    return replace(found, notes=()), []


def _taken(told: Logged, device: int) -> int:
    """What the log's figures come to on a device."""
    return sum(one.bytes for one in told.terms if one.device == device)


def _refused(told: Logged, at: int, device: DeviceSet) -> DeviceSet:
    """The device with no more than what it did not give: what lay there already and what was asked for besides."""
    lack, taken = told.trouble, _taken(told, at)
    if lack is None or lack.device != at or not lack.wanted or lack.whole or lack.had or not taken:
        return device
    return replace(device, usable=min(device.usable, taken + lack.wanted - 1))


def _device(card: LoggedDevice, taken: int) -> DeviceSet:
    if not card.name:
        memory = card.memory or 0
        return replace(sized(memory, f"{format_gib(memory)}GiB", reserve=0), counted=memory)
    found = device_set(card.name)
    least = max(card.memory or 0, taken)
    device = known(found.id)
    if device is not None and not device.memory_options_gib:
        from llmscale.devices.resolve import twins

        fitting = [twin for twin in twins(device) if twin.memory_gib * GIB >= least]
        if fitting and fitting[0].id != device.id:
            found = device_set(fitting[0].id)
    if card.memory is None:
        return found
    # What the program sees is told, or what was free, which is what there was to be used.
    if card.is_total:
        return replace(found, counted=card.memory)
    return replace(found, usable=min(found.usable, card.memory))
