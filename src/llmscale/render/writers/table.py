"""Reports as Rich tables in a terminal.

Numbers are never wrapped or cut. A terminal's width is kept, in a pipe as well where it is known; other output is as
wide as it needs to be.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.segment import Segments
from rich.text import Text

from llmscale.notes import note
from llmscale.render.interface import Look
from llmscale.render.report import Report, Table
from llmscale.render.words import Words
from llmscale.render.wrap import wrapped
from llmscale.render.writers.grid import GAP, Line, grid

if TYPE_CHECKING:
    from rich.table import Table as RichTable

name, needs = "table", ""
#: Wide enough for any table of ours; a file has no edge to wrap at.
PIPED_WIDTH = 200
#: Of a word in a narrow column, and of a line of prose.
READABLE, PROSE = 9, 100
UNITS = {"GiB", "GB/s", "TFLOPS", "W", "USD", "tokens", "context"}


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
    hidden: list[str] = []
    for sentence in report.lead:
        screen.print(Text(_plain(sentence, screen)), style="bold", soft_wrap=screen.width == PIPED_WIDTH)
    for sentence in report.body:
        for line in wrapped(sentence, min(screen.width, PROSE)):
            screen.print(Text(_plain(line, screen)))
    for number, part in enumerate(report.tables):
        if number or report.body:
            screen.print()
        if part.title:
            screen.print(Text(_plain(part.title, screen)), style="bold", soft_wrap=screen.width == PIPED_WIDTH)
        if not part.rows:
            continue
        part, gone = _narrowed(part, say, screen)
        hidden += [title for title in gone if title not in hidden]
        if (fitting := _grid(part, say, screen)) is not None:
            screen.print(fitting, crop=False)
            continue
        drawn, least = _rich(part, say, screen)
        # A screen too narrow even for the numbers gets lines that are too long rather than numbers cut short.
        screen.print(drawn, width=max(screen.width, least), crop=False, no_wrap=True)
    if quiet:
        return
    if report.inexact:
        screen.print(Text(_plain(say("~ is not exact: modelled or assumed."), screen), style="dim"))
    if hidden:
        screen.print(Text(_plain(say.sentence(note("hidden_columns", columns=hidden)), screen), style="dim"))
    for told in report.notes:
        # A file has no edge to wrap a sentence at.
        screen.print(Text(_plain(told, screen)), style="dim", soft_wrap=screen.width == PIPED_WIDTH)


def _narrowed(part: Table, say: Words, screen: Console) -> tuple[Table, list[str]]:
    """The table without its last spare columns, as many as it takes to fit the screen, and their titles."""
    hidden: list[str] = []
    spare = [at for at in part.shown() if part.columns[at].spare]
    while spare and _whole_width(part, say, screen) > screen.width:
        gone = spare.pop()
        hidden.append(say(part.columns[gone].title))
        rows = tuple((*row[:gone], *row[gone + 1 :]) for row in part.rows)
        part = Table(part.title, (*part.columns[:gone], *part.columns[gone + 1 :]), rows)
    return part, hidden


def _whole_width(part: Table, say: Words, screen: Console) -> int:
    """How wide it is with no word wrapped."""
    shown = part.shown()
    heads = (_width(_head(_plain(say(part.columns[at].title), screen))) for at in shown)
    widths = (
        max([head, *(cell_len(row[at].text) for row in part.rows)]) for at, head in zip(shown, heads, strict=True)
    )
    return sum(widths) + GAP * (len(shown) - 1)


def _grid(part: Table, say: Words, screen: Console) -> Segments | None:
    """The table where it needs no more than padding."""
    if not _fancy(screen) or not any(column.title for column in part.columns):
        return None
    shown = part.shown()
    columns = [Line(_head(say(part.columns[at].title)), part.columns[at].right) for at in shown]
    rows = [[row[at].text for at in shown] for row in part.rows]
    styles = [[row[at].style for at in shown] for row in part.rows]
    return grid(columns, rows, styles, screen)


def _rich(part: Table, say: Words, screen: Console) -> tuple[RichTable, int]:
    """The table with its words wrapped, and the width without which a number would be cut."""
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
        texts = [(cell_len(row[at].text), isinstance(row[at].value, (int, float))) for row in part.rows]
        # Numbers keep their whole width, words at least so much that they stay readable.
        words = READABLE if column.wraps else PIPED_WIDTH
        head = _head(_plain(say(column.title), screen))
        least = max([width if number else min(width, words) for width, number in texts] + [_width(head)])
        drawn.add_column(
            head,
            justify="right" if column.right else "left",
            no_wrap=not column.wraps,
            overflow="fold",
            min_width=least,
        )
    for row in part.rows:
        drawn.add_row(*(Text(_plain(cell.text, screen), style=cell.style) for cell in (row[at] for at in shown)))
    return drawn, sum(column.min_width or 0 for column in drawn.columns) + GAP * (len(shown) - 1)


def _head(title: str) -> str:
    """A title with its unit below it, which makes room."""
    name, _, unit = title.rpartition(" ")
    return f"{name}\n{unit}" if name and unit in UNITS else title


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
