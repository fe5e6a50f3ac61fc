"""The processor of a machine and its RAM as a device: ``cpu`` is this machine's, ``cpu:64GB`` any with so much."""

from __future__ import annotations

import re

from llmscale.devices.sets import RESERVE, DeviceSet
from llmscale.errors import NotFoundError, UsageError
from llmscale.notes import Note, note
from llmscale.units import format_size, parse_ram

#: What stands for it.
CPU = "cpu"
_NAMED = re.compile(r"\s*(?:cpu|processor)(?:\s*[: ]\s*(\d[\d.,]*\s*[kmgt]i?b|\d+b))?\s*", re.IGNORECASE)


def is_processor(text: str) -> bool:
    """Whether a text names it."""
    return _NAMED.fullmatch(text) is not None


def computes(device_id: str) -> bool:
    """Whether a device of this id, as an answer has it, is a processor with its RAM."""
    if device_id == CPU:
        return True
    from llmscale.devices.device import known  # reads the catalogue

    device = known(device_id)
    return device is not None and device.processor_gb_s is not None


def is_this_processor(text: str) -> bool:
    """Whether a text names that of this machine, as no RAM is named."""
    return text.strip().lower() == CPU


def processor(text: str, reserve: int | None = None) -> DeviceSet:
    """The RAM that a text names, of which sticks of 64 GB hold 64 GiB, or what is there to be taken of this machine's.

    Args:
        reserve: bytes kept free; `RESERVE` by default of RAM that is named, nothing of what this machine says is free.

    Raises:
        UsageError: more is kept free than there is.
        NotFoundError: this machine does not say what RAM it has.
    """
    named = _NAMED.fullmatch(text)
    size = named[1] if named else None
    if size is None:
        return _here(reserve)
    memory = parse_ram(size)
    told = (note("ram_of_system"),) if reserve is None else ()
    return _of(memory, memory, RESERVE if reserve is None else reserve, told)


def _here(reserve: int | None) -> DeviceSet:
    from llmscale.devices.detect.memory import host_memory  # reads files

    found = host_memory()
    if found is None:
        raise NotFoundError("This machine does not say how much RAM it has.", "Say it: cpu:64GB.")
    return _of(found.total, found.available, reserve or 0, ())


def _of(memory: int, available: int, kept: int, notes: tuple[Note, ...]) -> DeviceSet:
    if kept >= available:
        raise UsageError(f"A reserve of {format_size(kept)} leaves nothing of the RAM.", "Choose a smaller --reserve.")
    return DeviceSet(CPU, "CPU", 1, memory, available - kept, notes=notes, host=True)
