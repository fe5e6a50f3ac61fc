"""How fast this machine's RAM is: what its firmware tells of the sticks, else a short measurement.

The firmware's table (SMBIOS, DMTF DSP0134, structure type 17 "Memory Device"): total width 0x08, data width 0x0A, size
0x0C, device locator 0x10, bank locator 0x11, configured speed 0x20. Linux shows it to root alone.
"""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from ctypes import c_char, memmove

from llmscale.units import MIB

TABLE = "/sys/firmware/dmi/tables/DMI"
#: Structure type of a stick, and what its locators call a channel.
STICK = 17
_CHANNEL = re.compile(r"channel\W?([a-h\d])|dimm_?([a-h])\d|\b([a-h])\d\b", re.IGNORECASE)
#: Of the measurement: seconds at most, threads at most, and bytes that each copies, more than caches hold together.
SECONDS, THREADS, BLOCK = 0.4, 8, 16 * MIB


def ram_bandwidth(table: str = TABLE) -> int | None:
    """Bytes a second; None where nothing can be said."""
    try:
        with open(table, "rb") as file:
            told = by_sticks(file.read(1 << 20))
    except OSError:
        told = None
    return told or measured()


def by_sticks(raw: bytes) -> int | None:
    """Channels times rate times width; None where the table does not name each stick's channel."""
    channels: dict[str, int] = {}
    for fixed, texts in _structures(raw):
        if fixed[0] != STICK or len(fixed) < 0x22 or not int.from_bytes(fixed[0x0C:0x0E], "little"):
            continue
        width, rate = (int.from_bytes(fixed[at : at + 2], "little") for at in (0x0A, 0x20))
        place = " ".join(texts[fixed[at] - 1] for at in (0x10, 0x11) if 0 < fixed[at] <= len(texts))
        channel = _CHANNEL.search(place)
        if channel is None or not 0 < rate < 0xFFFF or not 0 < width < 0xFFFF:
            return None
        channels[channel.group().lower()] = rate * 10**6 * width // 8
    return sum(channels.values()) or None


def _structures(raw: bytes) -> list[tuple[bytes, list[str]]]:
    """The structures of a table: the fixed part of each, and its texts."""
    found, at = [], 0
    while at + 4 <= len(raw) and raw[at + 1] >= 4:
        fixed = raw[at : at + raw[at + 1]]
        end = raw.find(b"\0\0", at + len(fixed))
        if end < 0:
            break
        texts = raw[at + len(fixed) : end].decode("utf-8", "replace").split("\0")
        found.append((fixed, texts))
        at = end + 2
    return found


def measured() -> int | None:
    """What copies of all cores together read and write in a moment."""
    from llmscale.devices.detect.memory import cores

    threads = min(THREADS, cores())
    try:
        with ThreadPoolExecutor(threads) as pool:
            end = time.monotonic() + SECONDS
            return sum(pool.map(_copied, [end] * threads)) or None
    except (MemoryError, RuntimeError):
        return None


def _copied(end: float) -> int:
    """Bytes a second that one thread reads and writes until `end`; ``memmove`` runs without Python's lock."""
    one, other = (c_char * BLOCK)(), (c_char * BLOCK)()
    memmove(other, one, BLOCK)  # the system gives pages when they are written first
    start, copies = time.monotonic(), 0
    while time.monotonic() < end:
        memmove(other, one, BLOCK)
        copies += 1
    return int(2 * copies * BLOCK / max(1e-9, time.monotonic() - start))
