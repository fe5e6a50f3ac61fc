"""The screen: lists on the left, the question and its answer on the right, the tray and the command below."""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import Iterable

from textual import on
from textual.app import App, ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.events import Resize
from textual.widgets import Footer, Static
from textual.worker import Worker

from llmscale.api.functions import devices, models
from llmscale.errors import UsageError
from llmscale.render.report import Report
from llmscale.render.words import Words
from llmscale.sources import literal
from llmscale.sources.interface import Claim
from llmscale.tui.choice import Answered, Asking, answered
from llmscale.tui.export import Export
from llmscale.tui.finder import Finder
from llmscale.tui.panel import Panel
from llmscale.tui.settings import Settings
from llmscale.tui.tray import Tray
from llmscale.units import parse_size

#: Columns and rows without which nothing is read.
LEAST = (60, 18)
WIDE = 110
#: Key, what it does, what it is called.
KEYS = (
    ("m", "go('models')", "Models"),
    ("d", "go('devices')", "Devices"),
    ("s", "go('settings')", "Settings"),
    ("r", "go('scroll')", "Answer"),
    ("a", "keep", "Compare"),
    ("c", "copy", "Copy"),
    ("e", "export", "Export"),
    ("q", "quit", "Quit"),
)


class Screenful(App[str]):
    """Returns the command that was copied last, empty for none.

    Args:
        choice: the question that it begins with.
    """

    CSS_PATH = "app.tcss"
    ENABLE_COMMAND_PALETTE = False
    TITLE = "llmscale"

    def __init__(self, choice: Asking, say: Words) -> None:
        super().__init__()
        self._say = say
        self._copied = ""
        self._answering: Worker[None] | None = None
        # The newest first.
        self._models = [each.id for each in sorted(models().models, key=lambda each: each.released, reverse=True)]
        self._devices = [each.id for each in sorted(devices().devices, key=lambda each: -each.released)]
        self.choice = choice if choice.model else choice._replace(model=next(iter(self._models), ""))
        self.told = Answered(self.choice)
        for key, action, title in KEYS:
            self.bind(key, action, description=say(title))
        self.bind("slash", "go('models')", show=False)

    def compose(self) -> ComposeResult:
        """See the module."""
        say = self._say
        sizes, memories = _texts(models().report(say.lang), "parameters"), _texts(devices().report(), "memory_bytes")
        shown = {name: f"{sizes[name]:>9} {name}" for name in self._models}
        cards = {name: f"{memories[name]:>6} GiB {name}" for name in self._devices}
        with Horizontal(id="main"):
            with Vertical(id="left"):
                yield Finder("models", say("Models"), say("name, or 7B"), shown, self._found, [self.choice.model])
                asks = say("name, or 2x rtx3090")
                yield Finder("devices", say("Devices"), asks, cards, self._cards, self.choice.gpus, marks=True)
            with Vertical(id="right"):
                yield Settings(self.choice, say)
                with VerticalScroll(id="scroll"):
                    yield Panel(say)
        yield Tray(say)
        yield Static(id="command")
        yield Static(id="small")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Titles, and the first answer."""
        self.query_one("#settings").border_title = self._say("Question")
        self.query_one("#scroll").border_title = self._say("Answer")
        self.query_one("#models").query_one("OptionList").focus()
        self.follow()

    def on_resize(self, event: Resize) -> None:
        """What does not fit says so."""
        width, height = event.size
        self.set_class(width < LEAST[0] or height < LEAST[1], "-small")
        self.set_class(width >= WIDE, "-wide")
        small = f"llmscale tui needs {LEAST[0]} columns and {LEAST[1]} rows; here are {width} and {height}."
        self.query_one("#small", Static).update(self._say.phrase(small))

    def _found(self, text: str) -> list[str]:
        """Models in the order of the list; a size is one by itself."""
        told = text.strip()
        named = {line.id for line in models(told).models}
        own = [told] if literal.claims(told) is Claim.YES else []
        return [*own, *_nearest(told, (name for name in self._models if name in named))]

    def _cards(self, text: str) -> list[str]:
        """Devices; so much memory is one by itself."""
        told = text.strip()
        named = {line.id for line in devices(told).devices}
        return [*_memory(told), *_nearest(told, (name for name in self._devices if name in named))]

    @on(Finder.Picked)
    def _chosen(self, event: Finder.Picked) -> None:
        if event.finder.id == "models":
            self.choice = self.choice._replace(model=event.names[0])
        else:
            self.choice = self.choice._replace(gpus=event.names)
        self.follow()

    @on(Settings.Changed)
    def _set(self) -> None:
        self.choice = self.query_one(Settings).read(self.choice)
        self.follow()

    @on(Tray.TakenUp)
    def _taken_up(self, event: Tray.TakenUp) -> None:
        self.choice = event.choice
        self.query_one(Settings).put(event.choice)
        self.query_one("#models", Finder).choose([event.choice.model])
        self.query_one("#devices", Finder).choose(event.choice.gpus)

    def follow(self) -> None:
        """Answer what is chosen now; a question that was changed meanwhile is passed over."""
        self.query_one("#command", Static).update(Content(f"$ {self.choice.command()}"))
        if self._answering is None or self._answering.is_finished:
            self._answering = self.run_worker(self._answer(), group="answer")

    async def _answer(self) -> None:
        told = None
        while told is None or told.choice != self.choice:
            told = await to_thread(answered, self.choice, self._say)
        self.told = told
        self.query_one(Panel).tell(told)

    async def _answered(self) -> bool:
        """Whether what is chosen now has an answer, once there is one or a refusal."""
        if self._answering is not None:
            await self._answering.wait()
        return self.told.answer is not None

    def action_go(self, name: str) -> None:
        """To the part of the screen that is called so."""
        part = self.query_one(f"#{name}")
        (part if part.can_focus else part.query("Input, Select, Stepper").first()).focus()

    async def action_keep(self) -> None:
        """Put the answer by; a refusal is none."""
        if await self._answered():
            self.query_one(Tray).put(self.told)

    def action_copy(self) -> None:
        """The command, by the terminal's own clipboard, which reaches over ssh and out of tmux."""
        self._copied = self.choice.command()
        self.copy_to_clipboard(self._copied)
        self.notify(self._say.phrase(f"Copied: {self._copied}"), markup=False)

    async def action_export(self) -> None:
        """Write the answer to a file."""
        if await self._answered():
            self.push_screen(Export(self.told, self._say), self._written)

    def _written(self, path: str | None) -> None:
        if path:
            self.notify(self._say.phrase(f"Written: {path}"), markup=False)

    async def action_quit(self) -> None:
        """Leave; the command that was copied goes to whoever started it."""
        self.exit(self._copied)


def _texts(report: Report, key: str) -> dict[str, str]:
    """What the view of a list says of each entry in one column."""
    found = {}
    for table in report.tables:
        for row in table.rows:
            cells = {column.key: cell.text for column, cell in zip(table.columns, row, strict=True)}
            found[cells["id"]] = cells[key]
    return found


def _nearest(text: str, names: Iterable[str]) -> list[str]:
    """First what is called so, then what begins so or has it in its name, last what is found for another reason."""
    told = text.lower()
    return sorted(names, key=lambda name: (name != told, not name.startswith(told), told not in name))


def _memory(text: str) -> list[str]:
    try:
        parse_size(text)
    except UsageError:
        return []
    return [text]
