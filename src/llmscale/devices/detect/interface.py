"""What a detector finds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from llmscale.records import NamedTuple


class DetectedDevice(NamedTuple):
    """A device that is there.

    Attributes:
        name: as its driver or system calls it.
        total: bytes of its memory.
        free: bytes that nothing takes at this moment; None where the system does not say.
        usable: bytes that a GPU may take of memory that it shares with the CPU; None of a memory of its own.
        part: a slice of a larger device (MIG).
    """

    name: str
    total: int
    free: int | None = None
    usable: int | None = None
    part: bool = False


class Detector(Protocol):
    """A module that has these is one."""

    @property
    def name(self) -> str:
        """Whose devices it finds."""
        ...

    def devices(self) -> Sequence[DetectedDevice]:
        """Those that are there; none where its library or driver is not. Never raises."""
        ...

    def missing(self) -> str:
        """What to install so that it can look, where there is something to look at; empty for nothing."""
        ...
