"""The answer of ``devices local``."""

from __future__ import annotations

from dataclasses import field

from llmscale.answers.results.common import SCHEMA
from llmscale.notes import Note
from llmscale.records import dataclass


@dataclass
class LocalDevice:
    """One device that is there; `id` is the catalogue's, None where it has none. `free_bytes` is None where unknown."""

    name: str
    id: str | None
    total_bytes: int
    free_bytes: int | None
    usable_bytes: int
    is_part: bool


@dataclass
class Ram:
    """The memory of the host; `is_limited` where a control group says less than there is."""

    total_bytes: int
    available_bytes: int
    is_limited: bool


@dataclass
class MachineResult:
    """Answer of ``devices local``."""

    devices: tuple[LocalDevice, ...]
    ram: Ram | None
    notes: tuple[Note, ...] = ()
    schema: str = field(default=SCHEMA, init=False)
    command: str = field(default="devices", init=False)
