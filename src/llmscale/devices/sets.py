"""What users name as their hardware: ``rtx4090``, ``2x rtx3090``, ``24GiB``, ``rtx4090:20GB``."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from llmscale.errors import UsageError
from llmscale.units import GIB, format_size, parse_size

if TYPE_CHECKING:
    from llmscale.devices.catalogue import Device

#: What the driver and a display keep of a card's memory. The total that a CUDA program sees lies 0.35 to
#: 0.55 GiB below the one that the driver reports (RTX 4090: 23.55 of 23.99 GiB, H100: 79.19 of 79.65 GiB;
#: vLLM and torch start-up logs).
RESERVE = GIB // 2

MAX_COUNT = 1024
_COUNTED = r"\s*(\d+)\s*[x×*]\s*(.+)"
_SIZE = r"[\d.,]+\s*[kmgt]i?b"


@dataclass(frozen=True, eq=False, repr=False)
class DeviceSet:
    """Several devices of one kind, each with so much memory for models.

    Attributes:
        id, name: of one device.
        each: bytes of one device as the driver reports them.
        usable: bytes of one device that a model may take.
        counted: bytes of one device as a CUDA program sees them, where somebody named them; None for others.
    """

    id: str
    name: str
    count: int
    each: int
    usable: int
    counted: int | None = None

    @property
    def visible(self) -> int:
        """Bytes of one device that a CUDA program sees: a bare size is taken at its word, a card loses `RESERVE`."""
        return self.usable if self.counted is None else self.counted

    @property
    def memory(self) -> int:
        """Bytes of all devices as the driver reports them."""
        return self.each * self.count

    @property
    def total_usable(self) -> int:
        """Bytes of all devices that a model may take."""
        return self.usable * self.count


def device_set(text: str, reserve: int | None = None) -> DeviceSet:
    """Read ``rtx4090``, ``2x rtx3090``, ``24GB``, ``24GiB``, ``rtx4090:20GB`` (so much of its memory), ``m4-max:64GB``.

    Args:
        reserve: bytes kept free on each device; `RESERVE` by default, nothing where memory is unified
            and the GPU's share says what is free already.

    Raises:
        UsageError: a count, size or reserve that cannot be meant.
        NotFoundError: an unknown device.
    """
    counted = re.fullmatch(_COUNTED, text, re.IGNORECASE)
    count, name = (int(counted[1]), counted[2].strip()) if counted else (1, text.strip())
    if not 1 <= count <= MAX_COUNT:
        raise UsageError(f"'{text}' names {count} devices; between 1 and {MAX_COUNT:,} are possible.")
    if not name:
        raise UsageError("No device is named.", "For example rtx4090, '2x rtx3090' or 24GiB.")
    if re.fullmatch(_SIZE, name, re.IGNORECASE):
        found = sized(parse_size(name), name, count, reserve)
        return replace(found, counted=found.each) if reserve is None else found
    from llmscale.devices.catalogue import lookup

    base, _, size = name.partition(":")
    device = lookup(base)
    if not size:
        return set_of(device, count, reserve)
    memory = _sold_with(device, size) or parse_size(size)
    if memory > device.memory:
        raise UsageError(f"'{text}' asks for more than the {format_size(device.memory)} that {device.name} has.")
    return DeviceSet(device.id, device.name, count, memory, _usable(memory, device.gpu_share, reserve, text))


def _sold_with(device: Device, size: str) -> int | None:
    """Bytes of the memory that the device is sold with as `size`: a Mac of "64 GB" holds 64 GiB."""
    number = re.fullmatch(r"(\d+)\s*gi?b", size.strip(), re.IGNORECASE)
    return int(number[1]) * GIB if number and float(number[1]) in device.memory_options_gib else None


def set_of(device: Device, count: int = 1, reserve: int | None = None) -> DeviceSet:
    """`count` of a catalogue device."""
    usable = _usable(device.memory, device.gpu_share, reserve, device.id)
    return DeviceSet(device.id, device.name, count, device.memory, usable)


def sized(memory: int, name: str, count: int = 1, reserve: int | None = None) -> DeviceSet:
    """A device of which only the memory is known."""
    return DeviceSet(name.lower().replace(" ", ""), name, count, memory, _usable(memory, None, reserve, name))


def _usable(memory: int, share: float | None, reserve: int | None, text: str) -> int:
    if share is not None:
        memory = int(memory * share)
        reserve = reserve or 0
    kept = RESERVE if reserve is None else reserve
    if kept >= memory:
        raise UsageError(f"A reserve of {format_size(kept)} leaves nothing of '{text}'.", "Choose a smaller --reserve.")
    return memory - kept
