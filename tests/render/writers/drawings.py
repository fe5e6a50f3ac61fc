"""A report to draw, with words and numbers."""

from __future__ import annotations

from typing import Any

from llmscale.render.writers.text import as_csv, as_json, as_markdown, as_yaml, contract
from rich.console import Console

from llmscale.render.report import Column, Report, table, word
from llmscale.render.views.cells import gib
from llmscale.render.words import Words, words
from llmscale.render.writers.table import write_table

COLUMNS = [Column("name", "Model", right=False, wraps=True), Column("size", "Weights GiB")]
REPORT = Report(
    (table("A title", COLUMNS, [[word("a name of several words"), gib(13_476_831_232)], [word(None), gib(1 << 50)]]),),
    ("A note | with a bar.",),
)


def draw(report: Report, say: Words, screen: Console, quiet: bool) -> None:
    write_table(report, say, screen, quiet)


def csv_of(report: Report) -> str:
    return as_csv(report)


def markdown_of(report: Report, lang: str = "en") -> str:
    return as_markdown(report, words(lang))


def json_of(result: Any) -> str:
    return as_json(contract(result, words("en")))


def yaml_of(result: Any) -> str:
    return as_yaml(contract(result, words("en")))
