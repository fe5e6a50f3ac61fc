"""A list that is filtered as one types: the catalogue, the devices. What no entry is called is taken as it stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option


class TypedLine(Input):
    """A line to type in, and the way out of it, so that keys are keys again."""

    BINDINGS: ClassVar[list[Binding]] = [Binding("escape", "leave", show=False)]

    def action_leave(self) -> None:
        """To the list below, or whatever is next."""
        self.screen.focus_next()


class Finder(Vertical):
    """An input above a list.

    Args:
        title: what stands in the border.
        asks: what the empty input says.
        entries: what is shown of each entry, by its name.
        find: the names that a text means, in their order.
        marks: whether entries are ticked, several at once; else the one that is moved to is chosen.
    """

    BINDINGS = (Binding("down", "enter_list", show=False),)

    class Picked(Message):
        """Other names are chosen than before; of a list without marks there is one."""

        def __init__(self, finder: Finder, names: tuple[str, ...]) -> None:
            super().__init__()
            self.finder, self.names = finder, names

        @property
        def control(self) -> Finder:
            """Which list it was."""
            return self.finder

    def __init__(
        self,
        name: str,
        title: str,
        asks: str,
        entries: Mapping[str, str],
        find: Callable[[str], Sequence[str]],
        chosen: Sequence[str] = (),
        marks: bool = False,
    ) -> None:
        super().__init__(id=name)
        self._asks, self._entries, self._find, self._marks = asks, entries, find, marks
        self._title = title
        self._chosen = list(chosen)

    def compose(self) -> ComposeResult:
        """The input, and the list."""
        yield TypedLine(placeholder=self._asks, compact=True, select_on_focus=False)
        yield OptionList(compact=True)

    def on_mount(self) -> None:
        """All entries at first, the chosen ones in sight."""
        self._fill("")
        at = next((i for i, option in enumerate(self._list.options) if option.id in self._chosen), None)
        self._list.highlighted = at

    def on_resize(self) -> None:
        """What is chosen stays in sight."""
        self._list.scroll_to_highlight()

    @property
    def _list(self) -> OptionList:
        return self.query_one(OptionList)

    def choose(self, names: Sequence[str]) -> None:
        """Choose others, as if by hand."""
        self._chosen = list(names)
        self.query_one(Input).value = ""
        self._fill("")
        self._say()

    def _fill(self, text: str) -> None:
        """Show what the text means; what is ticked stays on top."""
        found = self._find(text) if text.strip() else list(self._entries)
        ticked = self._chosen if self._marks else []
        names = [*ticked, *(name for name in found if name not in ticked)]
        with self.prevent(OptionList.OptionHighlighted):
            self._list.set_options(Option(self._shown(name), name) for name in names)
            first = len(ticked) if text.strip() and len(names) > len(ticked) else 0
            self._list.highlighted = first if names else None
        self.border_title = f"{self._title} {len(found):,}"

    def _shown(self, name: str) -> str:
        tick = ("\\[x] " if name in self._chosen else "\\[ ] ") if self._marks else ""
        return tick + self._entries.get(name, name).replace("[", "\\[")

    def _say(self) -> None:
        self.post_message(self.Picked(self, tuple(self._chosen)))

    def _take(self, name: str) -> None:
        """Choose a name; one that is ticked loses its tick."""
        if not self._marks:
            self._chosen = [name]
        elif name in self._chosen:
            self._chosen.remove(name)
        else:
            self._chosen.append(name)
        if self._marks and name in [option.id for option in self._list.options]:
            self._list.replace_option_prompt(name, self._shown(name))
        self._say()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._fill(event.value)
        option = self._list.highlighted_option
        if event.value.strip() and option is not None and option.id and not self._marks:
            self._take(option.id)

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        """The first that was found; else the text itself: ``7B``, ``2x rtx3090``, a path."""
        event.stop()
        text = event.value.strip()
        found = self._find(text) if text else []
        if text:
            self._take(found[0] if found else text)
        if self._marks:
            event.input.value = ""
            self._fill("")

    @on(OptionList.OptionHighlighted)
    def _moved(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        if not self._marks and event.option_id and [event.option_id] != self._chosen:
            self._take(event.option_id)

    @on(OptionList.OptionSelected)
    def _picked(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if event.option_id and (self._marks or [event.option_id] != self._chosen):
            self._take(event.option_id)

    def action_enter_list(self) -> None:
        """From the input down into the list."""
        self._list.focus()
