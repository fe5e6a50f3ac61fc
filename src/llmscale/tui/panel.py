"""The answer as it is drawn: the sentence, a bar for each card, the figures of the view, its notes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from rich.cells import cell_len
from textual.content import Content
from textual.widgets import Static

from llmscale.render.report import Cell, Column, Report, Table
from llmscale.render.words import Words
from llmscale.tui.bars import DRAWN, bars
from llmscale.tui.choice import Answered

#: Columns of the view that head their row.
HEADS = ("device", "quant", "fits")
#: Colours of the views' cells, as the theme has them.
COLOURS = {"green": "$success", "yellow": "$warning", "red": "$error", "bold": "bold", "": ""}
GAP = "  "


class Panel(Static):
    """Draws the last answer to its own width."""

    def __init__(self, say: Words) -> None:
        super().__init__(id="answer")
        self._say = say
        self._told: Answered | None = None

    def tell(self, told: Answered) -> None:
        """Show another answer."""
        self._told = told
        self._draw()

    def on_resize(self) -> None:
        """Bars and lines are as wide as there is room."""
        self._draw()

    def _draw(self) -> None:
        if self._told is not None and self.size.width:
            self.update(Content("\n").join(lines(self._told, self._say, self.size.width)))


def lines(told: Answered, say: Words, width: int) -> Iterator[Content]:
    """What stands on the screen, line by line."""
    if told.answer is None:
        yield Content.assemble((say.phrase("error:"), "bold $error"), f" {told.wrong}")
        if told.hint:
            yield Content.assemble((say.phrase("hint:"), "bold"), f" {told.hint}")
        return
    for sentence in told.report.lead:
        yield Content.styled(sentence, "bold")
    fits = [device for line in told.answer.estimates for device in line.devices] if told.choice.gpus else []
    for table in told.report.tables:
        yield Content.styled(table.title, "" if told.report.lead else "bold")
        for at, row in enumerate(table.rows):
            yield Content("")
            shown = dict(_shown(table, row))
            yield _head(shown, say)
            if at < len(fits):
                yield from bars(fits[at], width)
            yield from flowing(_figures(shown, say), width)
    yield from _notes(told.report, say)


def _shown(table: Table, row: tuple[Cell, ...]) -> Iterator[tuple[Column, Cell]]:
    """The cells that say something, by their columns."""
    return ((table.columns[at], row[at]) for at in table.shown() if row[at].text)


def _head(shown: dict[Column, Cell], say: Words) -> Content:
    cells = [(column, cell) for column, cell in shown.items() if column.key in HEADS]
    return Content(GAP).join(
        Content.assemble(
            f"{say(column.title)} " if column.key == "fits" else "", (cell.text, f"bold {COLOURS.get(cell.style, '')}")
        )
        for column, cell in cells
    )


def _figures(shown: dict[Column, Cell], say: Words) -> Iterator[Content]:
    """Each figure behind its title, and the sign that it has in the bar before it."""
    for column, cell in shown.items():
        if column.key not in HEADS:
            mark = DRAWN.get(column.key)
            sign: Any = (f"{mark.sign} ", mark.style) if mark else ""
            colour = COLOURS.get(cell.style, "")
            yield Content.assemble(sign, (f"{say(column.title)} ", "$text-muted"), (cell.text, f"bold {colour}"))


def flowing(items: Iterable[Content], width: int) -> Iterator[Content]:
    """As many in a line as there is room for."""
    line: list[Content] = []
    for item in items:
        if line and sum(cell_len(each.plain) + len(GAP) for each in line) + cell_len(item.plain) > width:
            yield Content(GAP).join(line)
            line = []
        line.append(item)
    if line:
        yield Content(GAP).join(line)


def _notes(report: Report, say: Words) -> Iterator[Content]:
    legend = [say("~ is not exact: modelled or assumed.")] if report.inexact else []
    for note in (*legend, *report.below):
        yield Content("")
        yield Content.styled(note, "$text-muted")
