"""Options whose text can only mean one thing are taken so; Typer's own way is asked about all others.

Typer reads each option through an adapter of pydantic's, and importing that takes half as long again as all else that
the shortest command does. What is not plainly right still goes there, so every refusal is Typer's, word for word.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum
from functools import partial
from typing import Any

from llmscale.records import NamedTuple

#: No value; None is one.
UNCLEAR = object()
_WHOLE = re.compile(r"-?[0-9]{1,18}")


class Reader(NamedTuple):
    """Stands where Typer keeps what reads the values of one option.

    Attributes:
        kind: the type that the option is declared with.
        least, most: bounds of a number.
        own: makes Typer's own reader.
    """

    kind: Any
    least: float | None
    most: float | None
    own: Callable[[], Any]

    def coerce(self, value: Any, *rest: Any, **named: Any) -> Any:
        """The value as the command takes it; called by Typer, whose own is given all else that came with it.

        Raises:
            BadParameter: Typer's own.
        """
        found = self._plain(value, named["param"]) if "param" in named else UNCLEAR
        return self.own().coerce(value, *rest, **named) if found is UNCLEAR else found

    def _plain(self, value: Any, param: Any) -> Any:
        several = param.multiple or param.nargs == -1
        if value is None:
            return () if several else None
        return self._list(value) if several else self._one(self.kind, value)

    def _list(self, value: Any) -> Any:
        if self.kind == list[str] and isinstance(value, (list, tuple)) and all(type(item) is str for item in value):
            return list(value)
        return UNCLEAR

    def _one(self, kind: Any, value: Any) -> Any:
        if kind is str and type(value) is str:
            return value
        if kind is int and (type(value) is int or (type(value) is str and _WHOLE.fullmatch(value))):
            number = int(value)
            inside = (self.least is None or number >= self.least) and (self.most is None or number <= self.most)
            return number if inside else UNCLEAR
        if isinstance(kind, type) and issubclass(kind, Enum):
            return next((member for member in kind if value is member or value == member.value), UNCLEAR)
        return UNCLEAR


def read_plainly(command: Any, ctx: Any) -> None:
    """Have `command`, and those under it, read what is plain without pydantic; changes the command.

    A Typer that keeps its readers elsewhere goes on as if nothing had been said.
    """
    for param in command.get_params(ctx):  # with --help
        declared = getattr(param, "type_descriptor", None)
        if declared is not None and hasattr(param, "get_runtime_param"):
            info = declared.parameter_info
            reader = Reader(declared.annotation, info.min, info.max, param.get_runtime_param)
            param.get_runtime_param = partial(_same, reader)
    for each in getattr(command, "commands", {}).values():
        read_plainly(each, ctx)


def _same(reader: Reader) -> Reader:
    return reader
