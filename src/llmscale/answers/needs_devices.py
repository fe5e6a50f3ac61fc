"""Which devices ``needs`` looks at: the kinds that are asked for, in the sizes that they are sold with, how many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from llmscale.devices.device import Device
from llmscale.devices.sets import MAX_COUNT, set_of
from llmscale.errors import UsageError

#: What `kinds` may name: those of the catalogue, and Apple's devices of unified memory.
KINDS = ("consumer", "datacentre", "workstation", "laptop", "unified", "apple")
#: The kind that is shown where nobody names one; of it what was never sold at a price of its own is not common.
USUAL = "consumer"
#: How many of a device are put together where nobody says, the second where the first are too few: a pair, as people
#: build, and what one server holds.
COUNTS = (2, 8)


def counts_of(max_count: int | None) -> tuple[int, ...]:
    """How many of a device at most, and how many then where so many are too few."""
    return COUNTS if max_count is None else (max_count,)


def filtered(kinds: Sequence[str], max_price: float | None, max_count: int) -> set[str]:
    """The kinds that are asked for.

    Raises:
        UsageError: bounds that cannot be, a kind that there is not.
    """
    if not 1 <= max_count <= MAX_COUNT:
        raise UsageError(f"--max-count must lie between 1 and {MAX_COUNT:,}.")
    if max_price is not None and not 0 < max_price < float("inf"):
        raise UsageError("--max-price must be a sum of money above zero.", "In USD, for example --max-price 2000.")
    return {_kind(name) for name in kinds}


def _kind(name: str) -> str:
    kind = name.strip().lower().replace("datacenter", "datacentre")
    if kind not in KINDS:
        raise UsageError(f"There is no kind of device called '{name[:40]}'.", f"One of: {', '.join(KINDS)}.")
    return kind


def kinds_of(device: Device) -> set[str]:
    return {device.kind} | ({"apple"} if device.kind == "unified" and device.vendor == "Apple" else set())


def as_sold(device: Device) -> list[Device]:
    """One for each size of memory that it is sold with; a price is that of the largest, whose entry it stands in."""
    sizes = sorted(size for size in device.memory_options_gib if size != device.memory_gib)
    return [*(replace(device, memory_gib=size, price_usd=None) for size in sizes), device]


def with_room(devices: Sequence[Device], kept: int | None) -> list[Device]:
    """Those of which something is left.

    Raises:
        UsageError: nothing is of any.
    """
    found = []
    refused: UsageError | None = None
    for device in devices:
        try:
            set_of(device, 1, kept)
            found.append(device)
        except UsageError as error:
            refused = error
    if refused and not found:
        raise refused
    return found


def refuse_count(ranks: int, most: int) -> None:
    """Raises:
    UsageError: options that deal the model out to more devices than are asked about.
    """
    if ranks > most:
        raise UsageError(
            f"The options ask for {ranks} devices together, and --max-count is {most}.", f"Add --max-count {ranks}."
        )
