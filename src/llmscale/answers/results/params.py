"""Answers of ``params``."""

from __future__ import annotations

from dataclasses import field

from llmscale.answers.results.common import SCHEMA, ModelRef
from llmscale.notes import Note
from llmscale.records import dataclass


@dataclass
class ParameterCount:
    """Where the parameters sit. `total` counts a shared tensor once, `untied_total` at each place it is used;
    `active_without_input_embedding` leaves out tables that are only looked up."""

    total: int
    active: int
    untied_total: int
    embedding: int
    non_embedding: int
    components: dict[str, int]
    active_without_input_embedding: int


@dataclass
class TensorLine:
    """One group of tensors: `count` of that name pattern and shape, `parameters` together."""

    name: str
    role: str
    component: str
    shape: tuple[int, ...]
    count: int
    parameters: int
    tied_to: str | None


@dataclass
class RumourLine:
    """A size that somebody claimed."""

    low: int
    high: int
    who: str
    what: str
    source: str


@dataclass
class ParamsResult:
    """Answer of ``params``. `parameters` is None where nothing is disclosed; `disclosure` then says so."""

    model: ModelRef
    parameters: ParameterCount | None
    tier: str | None
    stated_parameters: int | None
    stated_active_parameters: int | None
    disclosure: str
    rumours: tuple[RumourLine, ...]
    tensors: tuple[TensorLine, ...]
    notes: tuple[Note, ...]
    schema: str = field(default=SCHEMA, init=False)
    command: str = field(default="params", init=False)
