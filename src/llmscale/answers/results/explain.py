"""Answers of ``explain``."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from llmscale.answers.results.common import SCHEMA
from llmscale.records import dataclass


@dataclass
class Meaning:
    """A word in one language."""

    title: str
    text: str


@dataclass
class FigureTable:
    """Figures of one question: `rows` of the values under `columns`, in the units that their names say.

    `given` is what all rows have in common, by the name of the argument; `basis` says of each value how it is known."""

    given: dict[str, Any]
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    basis: tuple[tuple[str, ...], ...]


@dataclass
class ExplainResult:
    """Answer of ``explain WORD``: what it means by language, figures, lines to type next, words that go with it.

    `sources` are where what is said was read; those of the figures stand in the answers that they are from."""

    word: str
    name: str
    aliases: tuple[str, ...]
    meaning: dict[str, Meaning]
    figures: tuple[FigureTable, ...]
    ask: tuple[str, ...]
    see: tuple[str, ...]
    sources: tuple[str, ...] = ()
    schema: str = field(default=SCHEMA, init=False)
    command: str = field(default="explain", init=False)


@dataclass
class ExplainedWords:
    """Answer of ``explain`` without a word: every word with its titles by language."""

    words: dict[str, dict[str, str]]
    schema: str = field(default=SCHEMA, init=False)
    command: str = field(default="explain", init=False)
