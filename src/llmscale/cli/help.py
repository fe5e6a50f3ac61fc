"""``--help``: options in groups, the main ones first, examples one a line, in the language that is spoken."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from typing import Any

from rich.cells import cell_len

from llmscale.render.words import Words
from llmscale.render.wrap import wrapped

#: Groups in this order; runtimes' own follow. What names no group is about output.
ARGUMENTS, MAIN, OTHERS = "Arguments", "Main", "Output"
#: Those of the program itself.
OWN = "Options"
ORDER = (
    *(ARGUMENTS, MAIN, "Which", "What", "What is trained", "Where", "How", "Users", "Training", "Step"),
    *("Several devices", "Run", "Money", "Server", OTHERS),
)
#: Options that are asked for most: of those that a command has the first come first.
ASKED = (
    *("--quant", "--context", "--sequences", "--gpu", "--runtime", "--command"),
    *("--for", "--ram", "--method", "--tokens", "--kind", "--to", "--all"),
    *("--seq", "--micro-batch", "--lora-rank", "--params", "--flops", "--budget", "--serve-tokens", "--kwh"),
    *("--open", "--min", "--max", "--licence", "--since", "--sort"),
)
MOST_ASKED, LEAST_ASKED = 6, 3
#: A command with fewer options needs no main ones.
FEW = 12
#: Commands by what they are for.
COMMANDS = {
    "Asked most": ("estimate", "fits", "needs", "compare", "params"),
    "To understand": ("explain", "plot", "tui", "log"),
    "Training and cost": ("train", "scaling", "serve-cost"),
    "Catalogues": ("models", "devices", "quants", "runtimes", "plugins"),
    "For programs": ("web", "mcp"),
}
WIDEST, LEAST, INDENT, GAP = 100, 40, 2, 2
#: Columns of the names of options; a longer one has a line of its own.
NAMES = 24
_EXTRA = re.compile(r"  \[[^\[\]]*(?:\[[^\[\]]*\])?[^\[\]]*\]$")
_SAID = re.compile(r"required|default|env var")
_EXAMPLES = re.compile(r"Examples?: (.*)", re.DOTALL)


def shown(command: Any, ctx: Any, say: Words) -> str:
    """The help of a command."""
    width = max(LEAST, min(WIDEST, shutil.get_terminal_size().columns))
    usage = " ".join((say.phrase("Usage:"), ctx.command_path, *command.collect_usage_pieces(ctx)))
    told = say.phrase(_line(command.help or ""))
    lines = [*wrapped(usage, width), "", *(" " * INDENT + line for line in wrapped(told, width - INDENT))]
    for title, rows in (*_commands(command, ctx, say), *_options(command, ctx, say)):
        lines += ["", f"{title}:", *_listed(rows, width)]
    if examples := _EXAMPLES.fullmatch(_line(command.epilog or "")):
        lines += ["", say.phrase("Examples:"), *(" " * INDENT + line for line in examples[1].split(" | "))]
    return "\n".join(lines) + "\n"


def _line(text: str) -> str:
    return " ".join(text.split())


def _options(command: Any, ctx: Any, say: Words) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Arguments and options by their group."""
    parameters = [each for each in command.get_params(ctx) if not getattr(each, "hidden", False)]
    main = _main(parameters) if len(parameters) >= FEW else []
    groups: dict[str, list[tuple[str, str]]] = {}
    for parameter in (*main, *(each for each in parameters if each not in main)):
        title = MAIN if parameter in main else _group(parameter) if ctx.parent else OWN
        groups.setdefault(title, []).append(_record(parameter, ctx, say))
    for title in sorted(groups, key=lambda title: ORDER.index(title) if title in ORDER else len(ORDER)):
        yield say.phrase(title), groups[title]


def _main(parameters: Sequence[Any]) -> list[Any]:
    found = list(dict.fromkeys(each for name in ASKED for each in parameters if name in each.opts))[:MOST_ASKED]
    return found if len(found) >= LEAST_ASKED else []


def _group(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return ARGUMENTS
    return getattr(parameter, "rich_help_panel", None) or OTHERS


def _record(parameter: Any, ctx: Any, say: Words) -> tuple[str, str]:
    """How an option is spelt, and what it does."""
    told, parameter.help = parameter.help, say.phrase(_line(parameter.help or ""))
    try:
        names, text = parameter.get_help_record(ctx) or ("", "")
    finally:
        parameter.help = told
    return names, _EXTRA.sub(lambda extra: _SAID.sub(lambda found: say.phrase(found[0]), extra[0]), text)


def _commands(command: Any, ctx: Any, say: Words) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """The commands below one, with the first sentence of each, those of the program by what they are for."""
    names = command.list_commands(ctx) if hasattr(command, "list_commands") else []
    groups = COMMANDS if set(names) >= set(COMMANDS["Asked most"]) else {"Commands": tuple(names)}
    for title, among in groups.items():
        rows = [(name, _summary(command.get_command(ctx, name), say)) for name in among if name in names]
        if rows:
            yield say.phrase(title), rows


def _summary(command: Any, say: Words) -> str:
    """What a command does, up to the first colon or semicolon."""
    return re.split(r"[:;.:;。](?: |$|(?=[\u2e80-\uffef]))", say.phrase(_line(command.help or "")))[0]


def _listed(rows: Sequence[tuple[str, str]], width: int) -> Iterator[str]:
    """Names at the left, what they do beside them."""
    column = min(NAMES, max(cell_len(name) for name, _ in rows)) + INDENT + GAP
    for name, told in rows:
        lines = wrapped(told, width - column)
        first = " " * INDENT + name
        if cell_len(first) > column - GAP:
            yield first
        else:
            yield (first + " " * (column - cell_len(first)) + (lines.pop(0) if lines else "")).rstrip()
        yield from (" " * column + line for line in lines)
