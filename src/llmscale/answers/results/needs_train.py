"""Answers of ``needs --train``."""

from __future__ import annotations

from dataclasses import field

from llmscale.answers.results.common import SCHEMA, SizedModelRef
from llmscale.notes import Note
from llmscale.records import dataclass


@dataclass
class TrainingDevice:
    """A device, or several alike, on which the step surely fits; `others` are as large.

    Attributes:
        layout: of several; empty for one.
        memory_bytes: of all of them.
        usable_bytes, used_bytes: of one, the fullest; the other ends of `used_bytes` in `used_range`.
    """

    id: str
    name: str
    kind: str
    count: int
    memory_bytes: int
    usable_bytes: int
    used_bytes: int
    used_range: tuple[int, int]
    layout: dict[str, int]
    price_usd: float | None
    others: tuple[str, ...]


@dataclass
class NeedsTrainResult:
    """Answer of ``needs --train``; `least_bytes` is what one device alone would hold."""

    model: SizedModelRef
    train: str
    precision: str
    sequence: int
    micro_batch: int
    checkpointing: str
    least_bytes: int
    least_range: tuple[int, int]
    devices: tuple[TrainingDevice, ...]
    notes: tuple[Note, ...]
    schema: str = field(default=SCHEMA, init=False)
    command: str = field(default="needs", init=False)
