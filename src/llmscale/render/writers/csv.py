"""``-o csv``: raw values, one header where tables share their columns, else a blank line between tables."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

from llmscale.render.interface import Look
from llmscale.render.report import Report, Table
from llmscale.render.words import Words

name, needs = "csv", ""


def write(result: Any, report: Callable[[], Report], say: Words, style: Look) -> str:
    """The tables of the report, columns by their keys; a span is two columns, `…_low` and `…_high`."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    previous: list[str] = []
    for table in report().tables:
        keys, values = _flat(table)
        if keys != previous:
            if previous:
                rows.writerow([])
            rows.writerow(keys)
        previous = keys
        rows.writerows(values)
    return out.getvalue()


def _flat(table: Table) -> tuple[list[str], list[list[Any]]]:
    keys: list[str] = []
    columns: list[list[Any]] = []
    for at, column in enumerate(table.columns):
        values = [row[at].value for row in table.rows]
        if column.span:
            low, high = zip(*(value or (None, None) for value in values), strict=True) if values else ((), ())
            keys += [f"{column.key.removesuffix('_range')}_{end}" for end in ("low", "high")]
            columns += [[_raw(value) for value in low], [_raw(value) for value in high]]
        else:
            keys.append(column.key)
            columns.append([_raw(value) for value in values])
    return keys, [list(row) for row in zip(*columns, strict=True)]


def _raw(value: Any) -> Any:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else value
