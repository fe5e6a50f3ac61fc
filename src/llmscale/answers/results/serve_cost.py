"""Answers of ``serve-cost``."""

from __future__ import annotations

from dataclasses import field

from llmscale.answers.results.common import SCHEMA, SizedModelRef
from llmscale.notes import Note
from llmscale.records import dataclass


@dataclass
class TokenCost:
    """USD for a million tokens, from the lowest price at the highest speed to the opposite."""

    way: str
    usd_per_hour: tuple[float, float]
    output: tuple[float, float]
    input: tuple[float, float] | None
    date: str
    source: str


@dataclass
class ServeCostResult:
    """Answer of ``serve-cost``.

    Attributes:
        sequences: how many run at once; `fits_sequences` how many would fit.
        break_even_rent, break_even_api: tokens a day from which the own device is cheaper; None where it never is.
    """

    model: SizedModelRef
    quant: str
    runtime: str
    device: str
    count: int
    context: int
    sequences: int
    fits_sequences: int
    tokens_per_second: float
    tokens_per_second_range: tuple[float, float]
    energy_kwh_per_million: float | None
    costs: tuple[TokenCost, ...]
    break_even_rent: int | None
    break_even_api: int | None
    notes: tuple[Note, ...]
    schema: str = field(default=SCHEMA, init=False)
    command: str = field(default="serve-cost", init=False)
