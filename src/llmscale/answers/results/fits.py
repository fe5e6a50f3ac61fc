"""Answers of ``fits``."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated

from llmscale.answers.results.common import SCHEMA, LossRef
from llmscale.answers.results.inner import INNER, inner
from llmscale.answers.results.later import later
from llmscale.notes import Note
from llmscale.records import dataclass


@dataclass
class DeviceRef:
    """Which device a result is about; `usable_bytes` is what models may take of all of them together.

    It is what the runtime may use; where the models are run by several, which keep unlike shares for themselves, what
    is there before any does."""

    id: str
    name: str
    count: int
    memory_bytes: int
    usable_bytes: int
    reserve_bytes: int


@dataclass
class FittingModel:
    """One model on one device: the quant with the least loss that fits, and the largest context at it.

    `usable_bytes` is what the runtime may use of all devices, and the sum of `used_bytes` and `free_bytes`;
    `total_bytes` is `used_bytes` and what lies in host memory, `host_bytes`. Where nothing fits `quant` is the smallest
    and `missing_bytes` what it lacks. `command_line` is what to type, of the first row and where it was asked for.
    `layers_in_ram` are layers that lie in host memory as a whole or with their experts.
    `score` and its date are what is reported of the model's quality, before the quant loses any.
    """

    id: str
    parameters: int
    basis: str
    quant: str
    runtime: str
    release: str
    total_bytes: int
    usable_bytes: int
    used_bytes: int
    free_bytes: int
    host_bytes: int
    fits: bool
    max_context: int | None
    missing_bytes: int
    tokens_per_second: float | None
    tokens_per_second_range: tuple[float, float] | None
    context: int
    weights_bytes: int
    loss: LossRef | None
    command_line: str | None
    released: str
    layers_in_ram: int | None = None
    score: float | None = None
    score_date: str = ""


@dataclass
class Choice:
    """One quant of one model on the device: what it takes and what it loses; `advised` is the one to take.

    `weights_bytes` counts each weight once, wherever it lies; `parts` is what all devices hold, by what it is for, and
    adds up to `used_bytes`. `may_fit`: the range of what it takes lies on both sides of what there is, and
    `used_ends` are the ends of what it takes of devices. `split` are shares of the layers by which all of it fits
    where by the runtime's own it does not.
    """

    quant: str
    bits_per_weight: float
    weights_bytes: int
    total_bytes: int
    used_bytes: int
    free_bytes: int
    host_bytes: int
    parts: dict[str, int]
    fits: bool
    missing_bytes: int
    max_context: int | None
    loss: LossRef | None
    tokens_per_second: float | None
    advised: bool
    may_fit: bool = False
    used_ends: Annotated[tuple[int, int], INNER] = inner((0, 0))
    runtime: Annotated[str, INNER] = inner("")
    split: Annotated[str, INNER] = inner("")


@later("not_available")
@dataclass
class FitsResult:
    """Answer of ``fits DEVICE``.

    `choices` are the usual quants, where one model was asked for. `hidden` were asked about and are not shown;
    `not_available` are those among them that cannot be had in any of the quants that were to choose from.
    `passed_over` were not asked about, since they are older than others of their line, closed, or made for something
    else. `score_name` is the test whose scores rank the models."""

    device: DeviceRef
    context: int
    models: tuple[FittingModel, ...]
    hidden: int
    choices: tuple[Choice, ...]
    not_available: tuple[str, ...]
    notes: tuple[Note, ...] = ()
    passed_over: int = 0
    score_name: str = ""
    schema: str = field(default=SCHEMA, init=False)
    command: str = field(default="fits", init=False)


@dataclass
class FitsOverview:
    """Answer of ``fits`` without a device: the same for several memory sizes, one list each."""

    context: int
    devices: tuple[FitsResult, ...]
    schema: str = field(default=SCHEMA, init=False)
    command: str = field(default="fits", init=False)
