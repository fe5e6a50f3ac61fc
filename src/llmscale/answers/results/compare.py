"""Answers of ``compare``."""

from __future__ import annotations

from dataclasses import field

from llmscale.answers.results.common import SCHEMA
from llmscale.notes import Note
from llmscale.records import dataclass


@dataclass
class ComparedModel:
    """One column of ``compare``; None where it is not published.

    `memory` is bytes of the weights by quant, `ratio` that of the parameters to the first model's,
    `tokens_per_parameter` how many tokens each parameter was trained on.
    """

    id: str
    name: str
    basis: str
    parameters: int | None
    active_parameters: int | None
    layers: int | None
    hidden_size: int | None
    attention: str | None
    context: int | None
    training_tokens: int | None
    licence: str | None
    released: str | None
    publisher: str | None
    memory: dict[str, int]
    ratio: float | None
    tokens_per_parameter: float | None = None


@dataclass
class CompareResult:
    """Answer of ``compare``."""

    models: tuple[ComparedModel, ...]
    notes: tuple[Note, ...]
    schema: str = field(default=SCHEMA, init=False)
    command: str = field(default="compare", init=False)
