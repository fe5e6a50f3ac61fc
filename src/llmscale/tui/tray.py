"""The tray: answers that were put by, row by row beside each other."""

from __future__ import annotations

from collections.abc import Iterator

from textual.binding import Binding
from textual.message import Message
from textual.widgets import DataTable

from llmscale.render.words import Words
from llmscale.tui.choice import Answered, Asking

#: Columns of the view that are compared, where any row has them.
COMPARED = ("fits", "total_bytes", "used_bytes", "free_bytes", "max_context", "tokens_per_second")
NONE = "-"


class Tray(DataTable[str]):
    """A table; Enter takes a row's question up again, Delete drops the row."""

    BINDINGS = (Binding("delete,backspace", "drop", show=False),)

    class TakenUp(Message):
        """A row was picked."""

        def __init__(self, choice: Asking) -> None:
            super().__init__()
            self.choice = choice

    def __init__(self, say: Words) -> None:
        super().__init__(id="tray", cursor_type="row", zebra_stripes=True)
        self._say = say
        self._kept: list[Answered] = []
        self._asked: list[int] = []
        self.display = False

    @property
    def kept(self) -> tuple[Answered, ...]:
        """What lies in it."""
        return tuple(self._kept)

    def put(self, told: Answered) -> None:
        """Add an answer; one that lies in it already stays where it is."""
        if told not in self._kept:
            self._kept.append(told)
            self._fill()

    def action_drop(self) -> None:
        """Take the row out."""
        if self._kept:
            del self._kept[self._asked[self.cursor_row]]
            self._fill()

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        """Ask that question again."""
        event.stop()
        self.post_message(self.TakenUp(self._kept[self._asked[event.cursor_row]].choice))

    def _fill(self) -> None:
        found = [(at, row) for at, told in enumerate(self._kept) for row in rows(told, self._say)]
        self._asked = [at for at, _ in found]
        titles = list(dict.fromkeys(title for _, row in found for title in row))
        self.clear(columns=True)
        self.add_columns(*titles)
        self.add_rows([row.get(title, NONE) for title in titles] for _, row in found)
        self.display = bool(found)
        self.border_title = f"{self._say('Compared')} {len(self._kept)}"
        if not found:
            self.screen.focus_next()


def rows(told: Answered, say: Words) -> Iterator[dict[str, str]]:
    """Texts by the titles of their columns: what was asked, then the figures of the view."""
    asked = told.choice
    for table in told.report.tables:
        for row in table.rows:
            cells = {column.key: cell.text for column, cell in zip(table.columns, row, strict=True)}
            titles = {column.key: say(column.title) for column in table.columns if column.title}
            yield {
                say("Model"): asked.model,
                say("Device"): cells.get("device", NONE),
                say("Quant"): cells["quant"],
                say("Context"): asked.context or NONE,
                say("Users"): asked.users or NONE,
                **{titles[key]: cells[key] for key in COMPARED if key in titles},
                say("KV cache"): asked.kv_dtype or NONE,
                say("Runtime"): asked.runtime or NONE,
            }
