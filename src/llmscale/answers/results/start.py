"""The answer of ``llmscale`` alone."""

from __future__ import annotations

from dataclasses import field

from llmscale.answers.results.common import SCHEMA
from llmscale.answers.results.fits import FitsResult
from llmscale.answers.results.machine import MachineResult
from llmscale.records import dataclass


@dataclass
class StartResult:
    """This machine, and what is best to run on it; None where it has no GPU. `questions` are lines to type, by what
    they ask: ``run``, ``fit``, ``need``, and where there is a GPU ``all``, ``one``, ``word``."""

    machine: MachineResult
    best: FitsResult | None
    questions: dict[str, str]
    schema: str = field(default=SCHEMA, init=False)
    command: str = field(default="start", init=False)
