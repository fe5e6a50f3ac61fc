"""Options that several commands share and that reach each of them as one parameter."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any

Command = Callable[..., None]


def gathers(name: str, parameters: Sequence[inspect.Parameter], into: Callable[[Mapping[str, Any]], Any]) -> Any:
    """A decorator: the command shows `parameters` where it has the keyword `name`, and gets there what `into` makes."""

    def decorated(command: Command) -> Command:
        own = inspect.signature(command, eval_str=True)

        @wraps(command)
        def gathering(*args: Any, **named: Any) -> None:
            taken = {parameter.name: named.pop(parameter.name) for parameter in parameters}
            command(*args, **{name: into(taken)}, **named)

        shown = [
            each
            for parameter in own.parameters.values()
            for each in (parameters if parameter.name == name else (parameter,))
        ]
        gathering.__signature__ = own.replace(parameters=shown)  # type: ignore[attr-defined]
        gathering.__annotations__ = {parameter.name: parameter.annotation for parameter in shown}
        return gathering

    return decorated


def option(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    """One of them, with the annotation that typer reads."""
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
