"""The RAM of this machine, and how much of it a process may take: ``/proc/meminfo`` and the limits of control groups.

Sources: docs.kernel.org filesystems/proc.html (MemTotal, MemAvailable), admin-guide/cgroup-v2.html (``memory.max``) and
cgroup-v1/memory.html (``memory.limit_in_bytes``).
"""

from __future__ import annotations

import os
import re

from llmscale.records import NamedTuple
from llmscale.units import KIB

#: A limit as large as this is none (cgroup v1 writes its highest number).
NO_LIMIT = 1 << 60


class HostMemory(NamedTuple):
    """RAM.

    Attributes:
        total: bytes that there are, or that the control group may take.
        available: bytes that may be taken without swapping.
        limited: whether a control group says less than there is.
    """

    total: int
    available: int
    limited: bool


def host_memory(root: str = "/") -> HostMemory | None:
    """The RAM; None where the system does not say."""
    lines = _read(root, "proc/meminfo")
    found = {key: int(value) * KIB for key, value in re.findall(r"^(\w+):\s+(\d+) kB$", lines, re.MULTILINE)}
    if "MemTotal" not in found:
        return _by_sysconf() if root == "/" else None
    total = found["MemTotal"]
    limit = min([NO_LIMIT, *_limits(root)])
    return HostMemory(min(total, limit), min(found.get("MemAvailable", total), limit), limit < total)


def cores() -> int:
    """Processors that this process may run on."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        return os.cpu_count() or 1


def _limits(root: str) -> list[int]:
    paths = ("sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes")
    return [int(text) for path in paths if (text := _read(root, path).strip()).isdecimal()]


def _read(root: str, path: str) -> str:
    try:
        with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
            return file.read(1 << 16)
    except OSError:
        return ""


def _by_sysconf() -> HostMemory | None:
    try:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None
    return HostMemory(total, total, False)
