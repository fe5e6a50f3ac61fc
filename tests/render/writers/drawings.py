"""A report to draw, with words and numbers, and what each writer makes of one."""

from __future__ import annotations

import io
from typing import Any
from unittest import mock

from llmscale.render.interface import Look, Writer
from llmscale.render.report import Column, Report, table, word
from llmscale.render.views.cells import gib
from llmscale.render.words import words
from llmscale.render.writers import csv, json, markdown, yaml
from llmscale.render.writers import table as as_table

COLUMNS = [Column("name", "Model", right=False, wraps=True), Column("size", "Weights GiB")]
REPORT = Report(
    (table("A title", COLUMNS, [[word("a name of several words"), gib(13_476_831_232)], [word(None), gib(1 << 50)]]),),
    ("A note | with a bar.",),
)


class Terminal(io.TextIOWrapper):
    """A stream that says it is a terminal."""

    def __init__(self, encoding: str = "utf-8", tty: bool = True) -> None:
        self.tty = tty
        super().__init__(io.BytesIO(), encoding=encoding, newline="")

    def isatty(self) -> bool:
        return self.tty


def drawn(
    report: Report,
    width: int | None = 80,
    *,
    lang: str = "en",
    colour: bool = True,
    quiet: bool = False,
    stream: Terminal | None = None,
) -> str:
    """What stands on `stream`, in its encoding."""
    with mock.patch("sys.stdout", stream or Terminal(tty=False)) as out:
        text = as_table.write(None, lambda: report, words(lang), Look(width, colour, quiet))
    return text.encode(out.encoding).decode(out.encoding)


def csv_of(report: Report) -> str:
    return _of(csv, None, report)


def markdown_of(report: Report, lang: str = "en") -> str:
    return _of(markdown, None, report, lang)


def json_of(result: Any) -> str:
    return _of(json, result)


def yaml_of(result: Any) -> str:
    return _of(yaml, result)


def _of(writer: Writer, result: Any, report: Report = REPORT, lang: str = "en") -> str:
    return writer.write(result, lambda: report, words(lang), Look())
