"""``-o lines``: one line a row, its cells by tabs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llmscale.render.interface import Look
from llmscale.render.report import Report
from llmscale.render.words import Words

name, needs = "lines", ""


def write(result: Any, report: Callable[[], Report], say: Words, style: Look) -> str:
    """Every row of every table."""
    return "".join("\t".join(cell.text for cell in row) + "\n" for table in report().tables for row in table.rows)
