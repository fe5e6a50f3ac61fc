"""Answers of ``check``."""

from __future__ import annotations

from dataclasses import dataclass, field

from llmscale.answers.results.common import SCHEMA


@dataclass
class CheckedModel:
    """One line of ``models check``: stated against counted; `difference` the written reason where they differ,
    `source` whose entry it is: ``llmscale`` or ``user``."""

    id: str
    stated: int
    counted: int
    relative: float
    difference: str
    explained: bool
    source: str


@dataclass
class CheckResult:
    """Answer of ``models check``."""

    checked: int
    differing: tuple[CheckedModel, ...]
    unexplained: int
    schema: str = field(default=SCHEMA, init=False)
    command: str = field(default="models check", init=False)
