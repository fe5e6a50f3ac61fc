"""Apple's machines, by ``sysctl``: the chip, its memory, and what Metal may take of it.

``iogpu.wired_limit_mb`` is what the owner has set; 0 is the system's own share (`Device.gpu_share`).
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

from llmscale.devices.detect.interface import DetectedDevice
from llmscale.units import MIB

name = "Apple"
SECONDS = 2


def devices(ask: Callable[[str], str] | None = None) -> list[DetectedDevice]:
    """The chip of this machine, where it is one of Apple's.

    Args:
        ask: gives the value of one name of ``sysctl``; the program itself when None.
    """
    if ask is None and sys.platform != "darwin":
        return []
    said = ask or _sysctl
    chip, memory, limit = said("machdep.cpu.brand_string"), said("hw.memsize"), said("iogpu.wired_limit_mb")
    if not chip.startswith("Apple") or not memory.isdecimal():
        return []
    return [DetectedDevice(chip, int(memory), usable=int(limit) * MIB if limit.isdecimal() and int(limit) else None)]


def _sysctl(name: str) -> str:
    try:
        done = subprocess.run(
            ["/usr/sbin/sysctl", "-n", name], capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()


def missing() -> str:
    """Nothing: the system says it."""
    return ""
