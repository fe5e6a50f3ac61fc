"""What a person reads, before it is drawn: titled tables of cells, and notes below them.

Views turn a result into a `Report`; the writers draw any report as a terminal table, markdown or CSV.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from llmscale.records import NamedTuple


class Cell(NamedTuple):
    """One value: `value` for machines (CSV), `text` for people."""

    value: Any
    text: str
    style: str = ""


class Column(NamedTuple):
    """`key` names the column in CSV, `title` (with its unit) heads it for people; only words may wrap, and `spare` ones
    go, those with more first, of equals the last, where a screen is too narrow for all. The values of a `span` are two
    ends, or None. `note` is a sentence that explains it, to be read where it is shown and nowhere else."""

    key: str
    title: str
    right: bool = True
    wraps: bool = False
    spare: int = 0
    span: bool = False
    note: str = ""


class Table(NamedTuple):
    """Rows of cells under columns; one that `splits` has things side by side, which a narrow screen sets below each
    other, each with the first column."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    splits: bool = False

    def shown(self) -> list[int]:
        """The columns that say something to people; one without a word stays for CSV alone."""
        texts = (
            zip(*([cell.text for cell in row] for row in self.rows), strict=True)
            if self.rows
            else [()] * len(self.columns)
        )
        return [
            at for at, (column, cells) in enumerate(zip(self.columns, texts, strict=True)) if column.title or any(cells)
        ]

    def explained(self, hidden: Collection[str] = ()) -> list[str]:
        """What explains the columns that are shown, less those that are `hidden` by their keys."""
        shown = (self.columns[at] for at in self.shown()) if self.rows else ()
        return list(dict.fromkeys(column.note for column in shown if column.note and column.key not in hidden))


class Report(NamedTuple):
    """Tables, sentences to read below them, and above them the answer itself where it is one, with what explains it.

    `typed` are lines to type, which stand last and whole; `inexact` when any cell is marked with ``~``.
    """

    tables: tuple[Table, ...]
    notes: tuple[str, ...] = ()
    lead: tuple[str, ...] = ()
    body: tuple[str, ...] = ()
    typed: tuple[str, ...] = ()

    @property
    def below(self) -> tuple[str, ...]:
        """All that stands below the tables where none of their columns is hidden."""
        columns = dict.fromkeys(told for table in self.tables for told in table.explained())
        return (*columns, *self.notes, *self.typed)

    @property
    def inexact(self) -> bool:
        """Whether any number is marked as not exact."""
        return any(cell.text.startswith("~") for table in self.tables for row in table.rows for cell in row)


def legible(report: Report) -> Report:
    """The report with what a terminal would obey written out: names come from files, and may hold anything."""
    return Report(
        tuple(
            part._replace(title=_shown(part.title), rows=tuple(tuple(map(_legible_cell, row)) for row in part.rows))
            for part in report.tables
        ),
        tuple(map(_shown, report.notes)),
        tuple(map(_shown, report.lead)),
        tuple(map(_shown, report.body)),
        tuple(map(_shown, report.typed)),
    )


def _legible_cell(cell: Cell) -> Cell:
    value = _shown(cell.value) if isinstance(cell.value, str) else cell.value
    return (
        cell if cell.text.isprintable() and value is cell.value else cell._replace(text=_shown(cell.text), value=value)
    )


def _shown(text: str) -> str:
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def word(text: str | None, style: str = "") -> Cell:
    """A cell of text; an absent one is a dash."""
    return Cell(text, text if text else "-", style)


def whole(value: int | None) -> Cell:
    """A cell of a whole number with its thousands grouped."""
    return Cell(value, "-" if value is None else f"{value:,}")


def table(title: str, columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> Table:
    """A `Table` from any sequences."""
    return Table(title, tuple(columns), tuple(tuple(row) for row in rows))
