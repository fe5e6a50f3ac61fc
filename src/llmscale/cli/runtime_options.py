"""The options of runtimes on the command line: made from what each declares in its `info.py`, with its bounds in words.

They come as a command's parameters of their own, in a group of ``--help`` for each runtime, and reach it as one
dictionary. Values stay text here; `llmscale.answers.question` reads them, so that Python refuses what the command line
does, in the same words.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Annotated, Optional, cast

import typer

from llmscale.cli import options as opt
from llmscale.cli.gathered import Command, gathers
from llmscale.cli.gathered import option as gathered
from llmscale.runtimes.option import Option

#: The parameter of a command that takes them.
TAKEN = "options"
#: Runtimes that the title of a group of options has room for.
MOST_NAMED = 3
#: Completion of what names something.
COMPLETIONS = {"model": opt.complete_model, "quant": opt.complete_quant}


def takes_runtime_options(command: Command) -> Command:
    """The command with a parameter for each option of a runtime, which it gets as the mapping `options`."""
    shown = [_parameter(option, title) for option, title in declared()]
    return cast(Command, gathers(TAKEN, shown, dict)(command))


def declared() -> Iterator[tuple[Option, str]]:
    """Every option once, by the first runtime that has it, with the spellings of all; and the title of its group."""
    having: dict[str, list[str]] = {}
    found: dict[str, Option] = {}
    for title, options in (*_built_in(), *_brought(sys.argv)):
        for option in options:
            first = found.setdefault(option.name, option)
            found[option.name] = first._replace(flags=tuple(dict.fromkeys((*first.flags, *option.flags))))
            having.setdefault(option.name, []).append(title)
    for name, option in found.items():
        titles = having[name] if len(having[name]) <= MOST_NAMED else [*having[name][: MOST_NAMED - 1], "…"]
        yield option, " and ".join(titles)


def _built_in() -> Iterator[tuple[str, list[Option]]]:
    from llmscale.store.tables import table

    for runtime in table("options").values():
        yield runtime["title"], [Option(**fields) for fields in runtime["options"]]


def _brought(arguments: Sequence[str]) -> Iterator[tuple[str, Sequence[Option]]]:
    """The options of a runtime of another package, where the command line names one."""
    words = pairwise(["", *arguments])
    named_ones = [word if before == "--runtime" else word.partition("--runtime=")[2] for before, word in words]
    if not any(named_ones):
        return
    from llmscale import plugins
    from llmscale.runtimes.registry import KIND, ROOMS

    for named in named_ones:
        brought = plugins.find(KIND, named) if named and named.partition("@")[0].lower() not in ROOMS else None
        if brought is not None:
            yield brought.INFO.title, brought.INFO.options


def _parameter(option: Option, title: str) -> inspect.Parameter:
    kind = Optional[bool] if option.kind == "flag" else Optional[str]
    declaration = typer.Option(
        *option.flags,
        help=option.help[:1].upper() + option.help[1:],
        metavar=option.metavar or None,
        rich_help_panel=f"Options of {title}",
        autocompletion=_completion(option),
        show_default=False,
    )
    return gathered(option.name, Annotated[kind, declaration], None)


def _completion(option: Option) -> Callable[[str], list[str]] | None:
    if not option.choices:
        return COMPLETIONS.get(option.kind)
    choices = option.choices

    def complete(incomplete: str) -> list[str]:
        return [choice for choice in choices if choice.startswith(incomplete)]

    return complete
