"""Where the answer is to be written: a line to type, and the file."""

from __future__ import annotations

from pathlib import Path

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label

from llmscale.errors import InputFileError, LlmscaleError, UsageError
from llmscale.render.interface import Look
from llmscale.render.registry import writer
from llmscale.render.words import Words
from llmscale.tui.choice import Answered

#: Suffix of a file -> what ``-o`` calls that.
WRITTEN = {".json": "json", ".csv": "csv", ".yaml": "yaml", ".md": "markdown"}


def write(told: Answered, path: Path, say: Words) -> None:
    """The answer as ``-o`` writes it.

    Raises:
        UsageError: a suffix that nobody writes.
        InputFileError: a file that is there already or cannot be written.
    """
    if path.suffix.lower() not in WRITTEN:
        raise UsageError(f"An answer cannot be written as '{path.suffix[:20]}'.", f"One of: {', '.join(WRITTEN)}.")
    text = writer(WRITTEN[path.suffix.lower()]).write(told.answer, lambda: told.report, say, Look(colour=False))
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise InputFileError(f"{path} is there already.", "Name another file.") from None
    except OSError as error:
        raise InputFileError(f"{path} cannot be written: {error.strerror}.", "Name another file.") from None


class Export(ModalScreen[str]):
    """Asks for a file until one is written or Escape is pressed; returns its path, empty for none."""

    BINDINGS = (Binding("escape", "leave", show=False),)

    def __init__(self, told: Answered, say: Words) -> None:
        super().__init__()
        self._told, self._say = told, say

    def compose(self) -> ComposeResult:
        """The line, and what was wrong with it."""
        with Vertical(id="export"):
            yield Label(self._say("Write the answer to: .json, .csv, .yaml or .md (Escape: do not)"))
            yield Input("llmscale.json", id="file", compact=True, select_on_focus=False)
            yield Label("", id="wrong")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Write it, or say why not."""
        event.stop()
        path = Path(event.value.strip()).expanduser()
        try:
            write(self._told, path, self._say)
        except LlmscaleError as error:
            said = f"{self._say.phrase(error.message)} {self._say.phrase(error.hint)}"
            self.query_one("#wrong", Label).update(said.replace("[", "\\["))
        else:
            self.dismiss(str(path))

    def action_leave(self) -> None:
        """Write nothing."""
        self.dismiss("")
