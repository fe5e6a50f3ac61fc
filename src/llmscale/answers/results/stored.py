"""The answer of ``models local``."""

from __future__ import annotations

from dataclasses import field

from llmscale.answers.results.common import SCHEMA
from llmscale.notes import Note
from llmscale.records import dataclass


@dataclass
class LocalModel:
    """A model on this disk: `keeper` has it, `reference` is what to type, `size_bytes` are those of all its files.

    `main_format` is the number format that most of its bytes are in, `total_bytes` what it takes with a context of
    `context` tokens, and `fits` whether the device has that; all of them None where they are not known.
    """

    name: str
    keeper: str
    reference: str
    kind: str
    size_bytes: int
    main_format: str | None = None
    bits_per_weight: float | None = None
    parameters: int | None = None
    runtime: str | None = None
    context: int | None = None
    total_bytes: int | None = None
    fits: bool | None = None
    may_fit: bool | None = None


@dataclass
class UnreadableFile:
    """What lies where models lie and cannot be read as one."""

    path: str
    keeper: str
    why: str


@dataclass
class LookedIn:
    """A folder that was looked into, `is_there` or not."""

    keeper: str
    folder: str
    is_there: bool


@dataclass
class LocalDeviceRef:
    """What `fits` is about."""

    id: str
    name: str
    usable_bytes: int


@dataclass
class LocalModelsResult:
    """Answer of ``models local``; `device` is None where this machine says neither of a GPU nor of its RAM."""

    device: LocalDeviceRef | None
    models: tuple[LocalModel, ...]
    unreadable: tuple[UnreadableFile, ...]
    looked_in: tuple[LookedIn, ...]
    notes: tuple[Note, ...] = ()
    schema: str = field(default=SCHEMA, init=False)
    command: str = field(default="models local", init=False)
