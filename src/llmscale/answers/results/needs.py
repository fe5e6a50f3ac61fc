"""Answers of ``needs``."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated

from llmscale.answers.results.common import SCHEMA, LossRef, SizedModelRef
from llmscale.answers.results.inner import INNER, inner
from llmscale.notes import Note
from llmscale.records import dataclass


@dataclass
class NeededDevice:
    """A device, or several together, that is enough; bytes as in `DeviceFit`. `others` are as large, and as good.

    `in_part`: some of its layers or experts lie in host memory.
    """

    id: str
    name: str
    kind: str
    count: int
    memory_bytes: int
    usable_bytes: int
    used_bytes: int
    free_bytes: int
    host_bytes: int
    total_bytes: int
    headroom_bytes: int
    max_context: int | None
    price_usd: float | None
    power_w: float | None
    quant: str
    runtime: str
    release: str
    loss: LossRef | None
    tokens_per_second: float | None
    tokens_per_second_range: tuple[float, float] | None
    others: tuple[str, ...] = ()
    in_part: Annotated[bool, INNER] = inner(False)


@dataclass
class NeedsResult:
    """Answer of ``needs``; `quants` are those that were to choose from, best first, `total_bytes` is of the last."""

    model: SizedModelRef
    quants: tuple[str, ...]
    context: int
    batch: int
    total_bytes: int
    devices: tuple[NeededDevice, ...]
    hidden: int
    notes: tuple[Note, ...]
    #: That of `quants` that the model is published in.
    published: Annotated[str, INNER] = inner("")
    schema: str = field(default=SCHEMA, init=False)
    command: str = field(default="needs", init=False)
