"""Reports as Rich tables in a terminal.

Numbers are never wrapped or cut. A terminal's width is kept, in a pipe as well where it is known; other output is as
wide as it needs to be.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.segment import Segment, Segments
from rich.text import Text

from llmscale.notes import note
from llmscale.render.interface import Look
from llmscale.render.report import Column, Report, Table
from llmscale.render.words import Words
from llmscale.render.wrap import hanging, wrapped
from llmscale.render.writers.grid import GAP, Line, grid
from llmscale.render.writers.narrow import INDENT, Narrowed, head, narrowed

if TYPE_CHECKING:
    from rich.table import Table as RichTable

name, needs = "table", ""
#: Wide enough for any table of ours; a file has no edge to wrap at.
PIPED_WIDTH = 200
#: Of a line of prose.
PROSE = 100
#: What ends the words before a line to type.
_ASKS = re.compile(r"(?<=[:?:?]) +(?=\S)")


def console(width: int | None, no_color: bool, stream: TextIO | None = None) -> Console:
    """A console for `stream` (stdout): plain where it is not a terminal, colourless where asked (NO_COLOR too)."""
    out = stream or sys.stdout
    if width is None and not out.isatty():
        width = _around() or PIPED_WIDTH
    return Console(
        file=out, width=width, no_color=True if no_color else None, highlight=False, emoji=False, markup=False
    )


def _around() -> int | None:
    """The width of the terminal that a pipe was typed in: by COLUMNS, or that of stderr, which stays there."""
    said = os.environ.get("COLUMNS", "")
    if said.isdecimal() and int(said):
        return int(said)
    try:
        return os.get_terminal_size(sys.__stderr__.fileno() if sys.__stderr__ else -1).columns or None
    except (OSError, ValueError):  # it is no terminal, or closed
        return None


def write(result: Any, report: Callable[[], Report], say: Words, style: Look) -> str:
    """The report drawn: its tables, and unless quiet the legend (only when needed) and the notes."""
    screen = console(style.width, not style.colour)
    with screen.capture() as drawn:
        _draw(report(), say, screen, style.quiet)
    if screen.is_terminal:
        return drawn.get()
    # Rich pads every line to the table's width; a file is better off without trailing blanks.
    return "".join(f"{line.rstrip()}\n" for line in drawn.get().splitlines())


def _draw(report: Report, say: Words, screen: Console, quiet: bool) -> None:
    hidden: dict[str, None] = {}
    columns: dict[str, None] = {}
    for sentence in report.lead:
        _print(sentence, screen, "bold")
    for sentence in report.body:
        for line in wrapped(sentence, min(screen.width, PROSE)):
            screen.print(Text(_plain(line, screen)))
    for number, part in enumerate(report.tables):
        if number or report.body:
            screen.print()
        if part.title:
            _print(part.title, screen, "bold")
        if part.rows:
            gone = _print_table(part, say, screen)
            hidden |= dict.fromkeys(say(column.title) for column in gone)
            columns |= dict.fromkeys(part.explained([column.key for column in gone]))
    if not quiet:
        legend = [say("~ is not exact: modelled or assumed.")] if report.inexact else []
        legend += [say.sentence(note("hidden_columns", columns=list(hidden)))] if hidden else []
        for told in (*_packed(legend, screen.width), *_packed(list(columns), min(screen.width, PROSE)), *report.notes):
            _print(told, screen, "dim")
        for line in report.typed:
            _print_typed(line, screen)


def _packed(sentences: Sequence[str], width: int) -> list[str]:
    """Short sentences, as many in a line as there is room for."""
    lines: list[str] = []
    for told in sentences:
        between = " " if lines and lines[-1].isascii() else ""
        if lines and cell_len(lines[-1]) + len(between) + cell_len(told) <= width:
            lines[-1] += between + told
        else:
            lines.append(told)
    return lines


def _print(sentence: str, screen: Console, style: str) -> None:
    """A sentence in lines of the screen; a file has no edge to wrap one at."""
    for line in [sentence] if screen.width == PIPED_WIDTH else hanging(sentence, screen.width):
        screen.print(Text(_plain(line, screen)), style=style, soft_wrap=True)


def _print_typed(line: str, screen: Console) -> None:
    """What is to be typed, whole: with a line end within it could not be pasted. What it is for may stand above it."""
    parts = [line] if cell_len(line) <= screen.width else [part for part in _ASKS.split(line) if part]
    for at, part in enumerate(parts):
        screen.print(Text(_plain(" " * INDENT * bool(at) + part, screen)), style="dim", soft_wrap=True)


def _print_table(part: Table, say: Words, screen: Console) -> tuple[Column, ...]:
    """A table, in as many as fit; returns the columns that had no place."""
    said = part._replace(columns=tuple(column._replace(title=say(column.title)) for column in part.columns))
    for number, narrow in enumerate(narrowed(said, screen.width)):
        if number:
            screen.print()
        if (fitting := _grid(narrow.part, screen, any(narrow.under))) is not None:
            _print_rows(fitting, narrow, screen)
            continue
        drawn, least = _rich(narrow.part, screen)
        # A screen too narrow even for the numbers gets lines that are too long rather than numbers cut short.
        screen.print(drawn, width=max(screen.width, least), crop=False, no_wrap=True)
    return narrow.hidden


def _print_rows(drawn: Segments, narrow: Narrowed, screen: Console) -> None:
    """A drawn table with what stands below its rows."""
    if not any(narrow.under):
        screen.print(drawn, crop=False)
        return
    lines = list(Segment.split_lines(drawn.segments))
    above = len(lines) - len(narrow.part.rows)
    for at, line in enumerate(lines):
        screen.print(Segments([*line, Segment.line()]), crop=False)
        for told in narrow.under[at - above] if at >= above else ():
            screen.print(Text(_plain(told, screen)), soft_wrap=True)


def _grid(part: Table, screen: Console, stacked: bool) -> Segments | None:
    """The table where it needs no more than padding; one whose rows have lines below them is always ours to draw."""
    if not (stacked or _fancy(screen)) or not any(column.title for column in part.columns):
        return None
    shown = part.shown()
    columns = [Line(_plain(head(part.columns[at].title), screen), part.columns[at].right) for at in shown]
    rows = [[_plain(row[at].text, screen) for at in shown] for row in part.rows]
    styles = [[row[at].style for at in shown] for row in part.rows]
    return grid(columns, rows, styles, screen, stacked)


def _rich(part: Table, screen: Console) -> tuple[RichTable, int]:
    """The table as Rich draws it, and how wide it is."""
    from rich import box
    from rich.table import Table as RichTable

    drawn = RichTable(
        box=box.SIMPLE_HEAD if _fancy(screen) else box.ASCII2,
        pad_edge=False,
        show_header=any(column.title for column in part.columns),
        padding=(0, 1, 0, 0),
        show_edge=False,
    )
    shown = part.shown()
    for at in shown:
        column = part.columns[at]
        title = head(_plain(column.title, screen))
        least = max([*(cell_len(row[at].text) for row in part.rows), _width(title)])
        drawn.add_column(title, justify="right" if column.right else "left", no_wrap=True, min_width=least)
    for row in part.rows:
        drawn.add_row(*(Text(_plain(cell.text, screen), style=cell.style) for cell in (row[at] for at in shown)))
    return drawn, sum(column.min_width or 0 for column in drawn.columns) + GAP * (len(shown) - 1)


def _width(head: str) -> int:
    return max(map(cell_len, head.split("\n")))


def _fancy(screen: Console) -> bool:
    """Whether every letter and line can be written."""
    return (screen.encoding or "").lower().startswith("utf")


def _plain(text: str, screen: Console) -> str:
    """`text` in what the terminal's encoding has; trees are drawn in ASCII where they must be."""
    encoding = screen.encoding or "ascii"
    if _fancy(screen):
        return text
    for fancy, simple in (("├─", "|-"), ("└─", "`-"), ("│", "|")):
        text = text.replace(fancy, simple)
    return text.encode(encoding, "replace").decode(encoding)
