"""Which detectors there are, and the devices of this machine as a `DeviceSet`. One line each."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import cast

from llmscale.devices.detect.interface import DetectedDevice, Detector
from llmscale.devices.detect.memory import HostMemory, host_memory
from llmscale.errors import NotFoundError
from llmscale.records import NamedTuple

#: Modules of this room.
DETECTORS = ("nvidia", "sysfs", "apple")


class ThisMachine(NamedTuple):
    """What this machine has.

    Attributes:
        missing: extras to install so that more can be seen.
    """

    devices: tuple[DetectedDevice, ...]
    memory: HostMemory | None
    missing: tuple[str, ...]


def machine() -> ThisMachine:
    """Look."""
    detectors = [cast(Detector, import_module(f"{__package__}.{name}")) for name in DETECTORS]
    found = tuple(device for detector in detectors for device in detector.devices())
    return ThisMachine(found, host_memory(), tuple(hint for detector in detectors if (hint := detector.missing())))


def refuse_none(found: Sequence[DetectedDevice], missing: Sequence[str]) -> None:
    """Raises:
    NotFoundError: there is no device here.
    """
    if found:
        return
    install = f"pip install '{missing[0]}' to see the NVIDIA card. " if missing else ""
    raise NotFoundError(
        "No GPU was found on this machine.", f"{install}Name one, for example --gpu rtx4090; llmscale devices local."
    )
