"""Answers of ``scaling``."""

from __future__ import annotations

from dataclasses import field

from llmscale.answers.results.common import SCHEMA
from llmscale.notes import Note
from llmscale.records import dataclass


@dataclass
class LawLine:
    """What one law says: its loss (None of a law that only shares compute), and whether it was fitted on the like."""

    law: str
    title: str
    source: str
    parameters: int
    tokens: int
    tokens_per_parameter: float
    flops: float
    loss: float | None
    in_range: bool


@dataclass
class ServingLine:
    """The same loss for least compute when `served_tokens` are made too: 6 N D of training and 2 N of each served."""

    served_tokens: int
    parameters: int
    tokens: int
    flops: float
    saved_percent: float


@dataclass
class TrainedLine:
    """How long the model was trained: `over_training` is its tokens over the first law's optimum for its size."""

    id: str
    parameters: int
    tokens: int
    tokens_per_parameter: float
    over_training: float


@dataclass
class BudgetLine:
    """What a sum of money buys: FLOP from the highest price and lowest share of the device's rate to the opposite."""

    usd: float
    device: str
    flops: float
    flops_range: tuple[float, float]
    price_range: tuple[float, float]
    mfu_range: tuple[float, float]
    date: str


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
    """Answer of ``scaling``. `asked` are the laws at what was asked, `optimal` at their best share of the compute.

    Attributes:
        turning_point_flops: compute at which the next 0.01 of loss costs as much as all before, by the first law.
        trained: tokens of the catalogue's models, where their makers name them.
    """

    name: str
    effective_tokens: int
    asked: tuple[LawLine, ...]
    optimal: tuple[LawLine, ...]
    changes: tuple[ChangeLine, ...]
    turning_point_flops: float
    serving: ServingLine | None
    trained: tuple[TrainedLine, ...]
    budget: BudgetLine | None
    notes: tuple[Note, ...]
    schema: str = field(default=SCHEMA, init=False)
    command: str = field(default="scaling", init=False)
