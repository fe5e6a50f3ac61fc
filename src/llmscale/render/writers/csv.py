"""``-o csv``: raw values, one header where tables share their columns, else a blank line between tables."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

from llmscale.render.interface import Look
from llmscale.render.report import Report
from llmscale.render.words import Words

name, needs = "csv", ""


def write(result: Any, report: Callable[[], Report], say: Words, style: Look) -> str:
    """The tables of the report, columns by their keys."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    previous: list[str] = []
    for table in report().tables:
        keys = [column.key for column in table.columns]
        if keys != previous:
            if previous:
                rows.writerow([])
            rows.writerow(keys)
        previous = keys
        rows.writerows([_raw(cell.value) for cell in row] for row in table.rows)
    return out.getvalue()


def _raw(value: Any) -> Any:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else value
