"""What is asked of a model: format, context, KV cache, users, runtime; each by keyboard or mouse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Grid, Horizontal
from textual.message import Message
from textual.widgets import Button, Input, Label, Select

from llmscale.answers.runtimes import list_runtimes
from llmscale.api.functions import quants
from llmscale.errors import LlmscaleError
from llmscale.fit.question import DEFAULT_KV
from llmscale.formats.catalogue import kv_formats
from llmscale.records import NamedTuple
from llmscale.render.words import Words
from llmscale.tui.choice import Asking
from llmscale.tui.finder import TypedLine
from llmscale.units import parse_tokens


class Setting(NamedTuple):
    """One of the question.

    Attributes:
        usual: what stands for nothing chosen.
        first: the number that a step up from nothing goes to, 0 for a list.
        doubles: whether a step is twice the number.
    """

    title: str
    usual: str = "usual"
    first: int = 0
    doubles: bool = False


SETTINGS = {
    "quant": Setting("Quant"),
    "context": Setting("Context", first=8192, doubles=True),
    "kv_dtype": Setting("KV cache", DEFAULT_KV.upper()),
    "users": Setting("Users", "1", first=2),
    "runtime": Setting("Runtime"),
}


class Stepper(TypedLine):
    """A number: typed, or with up and down."""

    BINDINGS: ClassVar[list[Binding]] = [
        Binding("up", "step(1)", show=False),
        Binding("down", "step(-1)", show=False),
    ]

    def __init__(self, name: str, value: str, usual: str, setting: Setting) -> None:
        super().__init__(value, placeholder=usual, id=name, compact=True)
        self._setting = setting

    def action_step(self, by: int) -> None:
        """The next number, or the one before."""
        step(self, self._setting, by)


def step(field: Input, setting: Setting, by: int) -> None:
    """Set the number after what stands in `field`, or before; what is no number is left alone."""
    try:
        number = parse_tokens(field.value) if field.value.strip() else 0
    except LlmscaleError:
        return
    if not number:
        field.value = str(setting.first) if by > 0 else ""
    elif setting.doubles:
        field.value = str(number * 2 if by > 0 else max(1, number // 2))
    else:
        field.value = str(max(1, number + by))


class Settings(Grid):
    """The settings, each with its title."""

    class Changed(Message):
        """One of them is otherwise than it was."""

    def __init__(self, choice: Asking, say: Words) -> None:
        super().__init__(id="settings")
        self._choice, self._say = choice, say

    def compose(self) -> ComposeResult:
        """Title and field, two of them beside each other."""
        lists = {
            "quant": [(line.id.upper(), line.id) for line in quants().quants],
            "kv_dtype": [(name.upper(), name) for name in kv_formats() if name != DEFAULT_KV],
            "runtime": [(line.title, line.name) for line in list_runtimes().runtimes],
        }
        for name, setting in SETTINGS.items():
            yield Label(self._say(setting.title))
            value = getattr(self._choice, name)
            if setting.first:
                with Horizontal(classes="stepper"):
                    yield Button("-", name=f"{name} -1", compact=True)
                    yield Stepper(name, value, self._say(setting.usual), setting)
                    yield Button("+", name=f"{name} 1", compact=True)
            else:
                yield self._select(name, self._say(setting.usual), lists[name], value)

    def _select(self, name: str, usual: str, options: Sequence[tuple[str, str]], value: str) -> Select[str]:
        own = [(value, value)] if value and value not in [name for _, name in options] else []
        return Select([(usual, ""), *options, *own], value=value, allow_blank=False, id=name, compact=True)

    def put(self, choice: Asking) -> None:
        """Show the settings of another question."""
        for name in SETTINGS:
            field = self.query_one(f"#{name}")
            if isinstance(field, (Select, Input)):
                field.value = getattr(choice, name)

    def read(self, choice: Asking) -> Asking:
        """`choice` with what is set here."""
        said = {name: self.query_one(f"#{name}") for name in SETTINGS}
        texts: dict[str, Any] = {
            name: str(field.value).strip() for name, field in said.items() if isinstance(field, (Select, Input))
        }
        return choice._replace(**texts)

    @on(Button.Pressed)
    def _stepped(self, event: Button.Pressed) -> None:
        event.stop()
        name, _, by = (event.button.name or "").partition(" ")
        self.query_one(f"#{name}", Stepper).action_step(int(by))

    @on(Input.Changed)
    @on(Select.Changed)
    def _changed(self, event: Message) -> None:
        event.stop()
        self.post_message(self.Changed())
