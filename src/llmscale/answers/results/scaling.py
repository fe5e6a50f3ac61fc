"""Answers of ``scaling``."""

from __future__ import annotations

from dataclasses import dataclass, field

from llmscale.answers.results.common import SCHEMA
from llmscale.notes import Note


@dataclass
class LawLine:
    """What one law says: its loss, and whether it was fitted on such sizes and tokens."""

    law: str
    title: str
    source: str
    parameters: int
    tokens: int
    tokens_per_parameter: float
    flops: float
    loss: float
    in_range: bool


@dataclass
class ChangeLine:
    """What doubling brings, by the first law: loss, and what goes of what more could still take off, in per cent."""

    change: str
    parameters: int
    tokens: int
    flops: float
    loss: float
    reducible_percent: float
    in_range: bool


@dataclass
class ScalingResult:
    """Answer of ``scaling``. `asked` are the laws at what was asked, `optimal` at their best share of the compute."""

    name: str
    effective_tokens: int
    asked: tuple[LawLine, ...]
    optimal: tuple[LawLine, ...]
    changes: tuple[ChangeLine, ...]
    notes: tuple[Note, ...]
    schema: str = field(default=SCHEMA, init=False)
    command: str = field(default="scaling", init=False)
