"""The devices of a log as the catalogue knows them; of one with twins the smallest that holds what the log says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from llmscale.answers.question import named_devices
from llmscale.devices.device import known
from llmscale.devices.sets import AND, ANY_DEVICE, DeviceSet, device_set, sized, together
from llmscale.errors import NotFoundError, UsageError
from llmscale.notes import Note, note
from llmscale.runtimes.logged import Logged, LoggedDevice
from llmscale.units import GIB, format_gib

#: The share of a device's memory that a program sees at least: ECC takes a sixteenth of some, the driver what it keeps.
SEEN = 7 / 8


def devices_of(told: Logged, gpus: Sequence[str]) -> tuple[DeviceSet, list[Note]]:
    """The devices that are named, else those of the log; one without limit where neither says any.

    Raises:
        UsageError, NotFoundError: what is named is no device.
    """
    if gpus:
        named = named_devices([AND.join(gpus)])[0]
        return (named if named.members else _refused(told, 0, named)), list(_others(told, named))
    if not told.cards:
        return ANY_DEVICE, [note("log_no_device")]
    try:
        every = [_refused(told, at, _device(card, _taken(told, at))) for at, card in enumerate(told.cards)]
        found = together(every, told.cards[0].name)
    except (NotFoundError, UsageError):
        return ANY_DEVICE, [note("log_unknown_device", device=told.cards[0].name[:60])]
    # What was taken among twins was chosen by the memory that the log tells.
    return replace(found, notes=()), []


def _others(told: Logged, named: DeviceSet) -> Iterator[Note]:
    """That the log is of another device than those that are named, for the first that is none of them."""
    for card in told.cards:
        lack = told.trouble
        memory = (lack.whole if lack and not card.name else None) or card.memory
        if not any(_may_be(card, memory, kind) for kind in named.kinds):
            yield note("log_other_device", device=card.name[:60], memory=memory, named=named.id, has=named.each)
            return


def _may_be(card: LoggedDevice, memory: int | None, named: DeviceSet) -> bool:
    """Whether a device of a log can be the one that is named: of a name that is known by that, else by its memory."""
    with suppress(NotFoundError, UsageError):
        if card.name and known(named.id) is not None:
            found = known(device_set(card.name).id)
            if found is not None:
                from llmscale.devices.resolve import twins

                return named.id in {twin.id for twin in twins(found)}
    if memory is None:
        return True
    return memory <= named.each and (not card.is_total or memory >= named.each * SEEN)


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
