"""What users name as their hardware: ``rtx4090``, ``2x rtx3090``, ``24GiB``, ``rtx4090:20GB``, ``rtx4090 + l4``.

What is spelled out in the catalogue is read here; what tools print and people write besides by `resolve`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from llmscale.errors import UsageError
from llmscale.notes import Note, note, once
from llmscale.records import dataclass
from llmscale.units import GIB, format_size, parse_size, whole

if TYPE_CHECKING:
    from llmscale.devices.device import Device

#: What the driver and a display keep of a card's memory. The total that a CUDA program sees lies 0.35 to
#: 0.55 GiB below the one that the driver reports (RTX 4090: 23.55 of 23.99 GiB, H100: 79.19 of 79.65 GiB;
#: vLLM and torch start-up logs).
RESERVE = GIB // 2

MAX_COUNT = 1024
#: A larger number before an x may be part of a name.
MOST_PLAIN = 64
_COUNTED = r"\s*(\d+)\s*[x×*]\s*(.+)"
_SIZE = r"[\d.,]+\s*[kmgt]i?b"
#: Between unlike devices, as written and as read. A plus that ends a name ("Ryzen AI Max+ 395") has no space before it.
AND = " + "
_AND = r"(?<!\S)\+(?!\S)"


@dataclass(frozen=True, eq=False, repr=False)
class DeviceSet:
    """Several devices, each with so much memory for models.

    Attributes:
        id, name: of one device; of unlike ones those of all, with how many there are of each.
        each: bytes of one device as the driver reports them; of unlike ones those of the smallest.
        usable: bytes of one device that a model may take; likewise.
        members: unlike devices by kind, in the order given; empty when all are alike.
        counted: bytes of one device as a CUDA program sees them, where somebody named them; None for others.
        notes: what was taken, where a name may mean several.
        host: whether it is a machine's processor with its RAM, on which nothing is a GPU's.
        reads: bytes a second that this processor reads; None where nobody says.
    """

    id: str
    name: str
    count: int
    each: int
    usable: int
    members: tuple[DeviceSet, ...] = ()
    counted: int | None = None
    notes: tuple[Note, ...] = ()
    host: bool = False
    reads: int | None = None

    @property
    def visible(self) -> int:
        """Bytes of one device that a CUDA program sees: a bare size is taken at its word, a card loses `RESERVE`."""
        return self.usable if self.counted is None else self.counted

    @property
    def memory(self) -> int:
        """Bytes of all devices as the driver reports them."""
        return sum(member.memory for member in self.members) or self.each * self.count

    @property
    def total_usable(self) -> int:
        """Bytes of all devices that a model may take."""
        return sum(self.budgets)

    @property
    def budgets(self) -> tuple[int, ...]:
        """Bytes of each device that a model may take."""
        return tuple(budget for member in self.members for budget in member.budgets) or (self.usable,) * self.count

    @property
    def kinds(self) -> tuple[DeviceSet, ...]:
        """The kinds of devices, each with its count."""
        return self.members or (self,)

    @property
    def ids(self) -> tuple[str, ...]:
        """The id of each device, in the order of `budgets`."""
        return tuple(kind.id for kind in self.kinds for _ in range(kind.count))

    @property
    def unnamed(self) -> bool:
        """Whether it stands for no device in particular, however large."""
        return not self.id


def device_set(text: str, reserve: int | None = None) -> DeviceSet:
    """Read one kind of device (`_alike`) or several with ``+`` between them.

    Args:
        reserve: bytes kept free on each device; `RESERVE` by default, nothing where memory is unified
            and the GPU's share says what is free already.

    Raises:
        UsageError: a count, size or reserve that cannot be meant.
        NotFoundError: an unknown device.
    """
    parts = re.split(_AND, text)
    if len(parts) > MAX_COUNT:
        raise UsageError(f"'{text[:40]}…' names {len(parts):,} devices; between 1 and {MAX_COUNT:,} are possible.")
    return together([_alike(part, reserve) for part in parts], text)


def together(sets: list[DeviceSet], text: str) -> DeviceSet:
    """One set of all, those that are alike counted together."""
    kinds: dict[tuple[str, int, int], DeviceSet] = {}
    for found in sets:
        kind = (found.id, found.each, found.usable)
        kinds[kind] = replace(found, count=found.count + (kinds[kind].count if kind in kinds else 0))
    members = tuple(kinds.values())
    count = sum(member.count for member in members)
    if count > MAX_COUNT:
        raise UsageError(f"'{text}' names {count} devices; between 1 and {MAX_COUNT:,} are possible.")
    if len(members) == 1:
        return members[0]
    return DeviceSet(
        id=AND.join(counted(member.id, member.count) for member in members),
        name=AND.join(counted(member.name, member.count) for member in members),
        count=count,
        each=min(member.each for member in members),
        usable=min(member.usable for member in members),
        counted=min(member.visible for member in members),
        members=members,
        notes=once(told for member in members for told in member.notes),
    )


def counted(name: str, count: int) -> str:
    """How `count` devices are written; unlike ones say in their name how many there are of each."""
    return name if count == 1 or AND in name else f"{count}x {name}"


def _alike(text: str, reserve: int | None = None) -> DeviceSet:
    """Read ``rtx4090``, ``2x rtx3090``, ``24GB``, ``24GiB``, ``rtx4090:20GB`` (so much of it), ``m4-max:64GB``."""
    several = re.fullmatch(_COUNTED, text, re.IGNORECASE)
    count, name = (whole(several[1]), several[2].strip()) if several else (1, text.strip())
    if count > MOST_PLAIN and (found := _spoken(text, reserve)):  # 4090x2, 7900xtx
        return found
    if not 1 <= count <= MAX_COUNT:
        raise UsageError(f"'{text}' names {count} devices; between 1 and {MAX_COUNT:,} are possible.")
    if not name:
        raise UsageError("No device is named.", "For example rtx4090, '2x rtx3090' or 24GiB.")
    if re.fullmatch(rf"-?{_SIZE}", name, re.IGNORECASE):
        return _bare(name, count, reserve)
    from llmscale.devices.device import lookup, spelled

    base, _, size = name.partition(":")
    if device := spelled(base):
        return _portion(device, size, count, reserve, text) if size else _whole(device, base, count, reserve)
    if found := _spoken(text, reserve):
        return found
    # What begins so, or what is nearest, where nobody knows it.
    if re.fullmatch(_SIZE, size.strip(), re.IGNORECASE):
        return _portion(lookup(base), size, count, reserve, text)
    return _whole(lookup(name), name, count, reserve)


def _bare(size: str, count: int, reserve: int | None) -> DeviceSet:
    """So much memory; ``24GB`` is the card that is sold so, which holds 24 GiB."""
    sold = re.fullmatch(r"(\d+)\s*gb", size, re.IGNORECASE)
    memory = int(sold[1]) * GIB if sold and int(sold[1]) else parse_size(size)
    found = sized(memory, size, count, reserve)
    notes = (note("sold_as", size=f"{sold[1]} GB", gib=int(sold[1])),) if sold else ()
    return replace(found, counted=found.each if reserve is None else None, notes=notes)


def _spoken(text: str, reserve: int | None) -> DeviceSet | None:
    """What is not spelled so in the catalogue; None where nobody knows it.

    Raises:
        NotFoundError: it may be several.
        UsageError: it is not sold with so much memory.
    """
    from llmscale.devices.resolve import resolve  # words and patterns that an id does not need

    found = resolve(text)
    if found is None:
        return None
    if found.device is None:
        return _bare(found.size, found.number, reserve)
    device, count = found.device, found.number
    if not found.size:
        whole = set_of(device, count, reserve) if found.sized else _whole(device, text, count, reserve)
        return replace(whole, notes=(*found.notes, *whole.notes))
    machine = _machine(device, found.size, count, reserve)
    return replace(machine, notes=(*found.notes, *machine.notes))


def _machine(device: Device, size: str, count: int, reserve: int | None) -> DeviceSet:
    """A machine that is sold with so much memory, of which its GPU may use its share."""
    memory = int(float(re.sub(r"[^\d.]", "", size)) * GIB)
    return _made(device, count, memory, _usable(memory, device.share(memory), reserve, device.id))


def _portion(device: Device, size: str, count: int, reserve: int | None, text: str) -> DeviceSet:
    """So much of a device, or the one that is sold with so much."""
    from llmscale.devices.device import spelled

    if twin := _sold_as(device, size) or spelled(f"{device.id} {size}"):
        return set_of(twin, count, reserve)
    memory = _sold_with(device, size) or parse_size(size)
    if memory > device.memory:
        raise UsageError(f"'{text}' asks for more than the {format_size(device.memory)} that {device.name} has.")
    # All of it is never the GPU's alone.
    share = None if device.carve_out and memory < device.memory else device.share(memory)
    kept = reserve or 0 if device.gpu_share else reserve
    return _made(device, count, memory, _usable(memory, share, kept, text))


def _sold_as(device: Device, size: str) -> Device | None:
    """The device, or its twin, that is sold with `size` GB; None where none is, or where it has several sizes."""
    number = re.fullmatch(r"(\d+)\s*gb?", size.strip(), re.IGNORECASE)
    if number is None or device.memory_options_gib:
        return None
    if float(number[1]) == device.memory_gib:
        return device
    from llmscale.devices.resolve import of_size

    return of_size(device, float(number[1]))


def _whole(device: Device, name: str, count: int, reserve: int | None) -> DeviceSet:
    """All of a device; of one that is sold with several sizes of memory the smallest, which is said."""
    if device.memory_options_gib and (size := re.search(r"\d+\s*gi?b$", name, re.IGNORECASE)):
        return _machine(device, size.group(), count, reserve)
    if device.memory_options_gib:
        least, *more = sorted(device.memory_options_gib)
        memory = int(least * GIB)
        usable = _usable(memory, device.share(memory), reserve, device.id)
        said = note("smallest_memory", device=device.id, size=f"{least:g}", others=[f"{size:g}" for size in more])
        whole = _made(device, count, memory, usable)
        return replace(whole, notes=(said, *whole.notes)) if more else whole
    from llmscale.devices.device import has_twins

    if not has_twins(device):
        return set_of(device, count, reserve)
    from llmscale.devices.resolve import unsized

    meant, told = unsized(device, name)
    found = set_of(meant, count, reserve)
    return replace(found, notes=(told, *found.notes)) if told else found


def _sold_with(device: Device, size: str) -> int | None:
    """Bytes of the memory that the device is sold with as `size`: a Mac of "64 GB" holds 64 GiB."""
    number = re.fullmatch(r"(\d+)\s*gi?b", size.strip(), re.IGNORECASE)
    return whole(number[1]) * GIB if number and float(number[1]) in device.memory_options_gib else None


def set_of(device: Device, count: int = 1, reserve: int | None = None) -> DeviceSet:
    """`count` of a catalogue device."""
    usable = _usable(device.memory, device.share(device.memory), reserve, device.id)
    return _made(device, count, device.memory, usable)


def _made(device: Device, count: int, memory: int, usable: int) -> DeviceSet:
    """So many of a catalogue device; a single one that no GPU computes on is a processor with its RAM."""
    found = DeviceSet(device.id, device.name, count, memory, usable)
    if device.processor_gb_s is None or count > 1:
        return found
    told = (note("ram_of_system"),)
    return replace(found, host=True, reads=round(device.processor_gb_s * 1e9), notes=told)


def sized(memory: int, name: str, count: int = 1, reserve: int | None = None) -> DeviceSet:
    """A device of which only the memory is known."""
    return DeviceSet(name.lower().replace(" ", ""), name, count, memory, _usable(memory, None, reserve, name))


#: Memory of a device that nobody named.
BOUNDLESS = 1 << 60
#: One device of which nothing is known, where everything fits.
ANY_DEVICE = DeviceSet("", "", 1, BOUNDLESS, BOUNDLESS)


def _usable(memory: int, share: float | None, reserve: int | None, text: str) -> int:
    if share is not None:
        memory = int(memory * share)
        reserve = reserve or 0
    kept = RESERVE if reserve is None else reserve
    if kept >= memory:
        raise UsageError(f"A reserve of {format_size(kept)} leaves nothing of '{text}'.", "Choose a smaller --reserve.")
    return memory - kept
