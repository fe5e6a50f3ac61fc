"""The program: finds the command, and turns every error into one message and the right exit status.

Exit status: 0 done; 1 the answer is no (``--check``); 2 wrong usage; 3 not found; 4 unreadable input; 5 network.
Commands are imported when they are called: building all of them would double the time of the smallest.
"""

from __future__ import annotations

import errno
import sys
from importlib import import_module
from types import MethodType
from typing import Any

import typer
from typer.core import TyperGroup

from llmscale.cli import streams
from llmscale.cli.language import settle, spoken
from llmscale.cli.reading import read_plainly
from llmscale.errors import LlmscaleError, legible, legible_lines
from llmscale.store import progress

#: Slips of one line that are set right.
SLIPS = 3
#: command -> module of this package that has it as `app` (a group) or `command`
COMMANDS = {
    "estimate": "estimate",
    "params": "params",
    "compare": "compare",
    "fits": "fits",
    "needs": "needs",
    "train": "train",
    "scaling": "scaling",
    "log": "log",
    "serve-cost": "serve_cost",
    "explain": "explain",
    "models": "models",
    "devices": "devices",
    "quants": "quants",
    "runtimes": "runtimes",
    "plot": "plot",
    "tui": "tui",
    "web": "web",
    "mcp": "mcp",
    "plugins": "plugins",
}
#: Options that say how an answer is written, which may stand before the command, and whether a value follows.
STYLE = {"--lang": True, "-o": True, "--output": True, "--width": True, "--no-color": False, "--quiet": False}
#: What an operating system says where nothing more can be written.
FULL = frozenset({errno.ENOSPC, errno.EFBIG})
#: What runs where no command is named.
ALONE = "start"


class LazyGroup(TyperGroup):
    """Loads a command's module only when that command is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS and cmd_name != ALONE:
            return None
        module = COMMANDS.get(cmd_name, cmd_name)
        loaded = typer.main.get_command(import_module(f"llmscale.cli.{module}").app)
        loaded.name = cmd_name
        read_plainly(loaded, ctx)
        _dress(loaded)
        return loaded

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        read_plainly(self, ctx)
        _dress(self)
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        # So that Typer can say "did you mean" without loading every command.
        self.commands = dict.fromkeys(COMMANDS)  # type: ignore[assignment]
        return super().resolve_command(ctx, args)


def _in_words(text: str) -> str:
    """What is said while one waits, in the language that is spoken."""
    return spoken(sys.argv).phrase(text)


def _dress(command: Any) -> None:
    """Have a command, and those below it, show their help in our way."""
    for each in (command, *getattr(command, "commands", {}).values()):
        if each is not None:
            each.format_help = MethodType(_help, each)


def _help(command: Any, ctx: Any, formatter: Any) -> None:
    from llmscale.cli.help import shown

    formatter.write(shown(command, ctx, spoken(sys.argv)))


app = typer.Typer(
    name="llmscale",
    cls=LazyGroup,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="The scale of large models, exact: parameters, memory, and the cards they fit.",
    epilog="Examples: llmscale fits rtx4060 | llmscale estimate llama-3.1-8b --gpu rtx4060 | "
    "llmscale needs llama-3.1-70b | llmscale compare gpt-3 llama-2-70b | llmscale explain q4_k_m",
)


def _version(asked: bool) -> None:
    if asked:
        from llmscale import __version__

        typer.echo(f"llmscale {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
    debug: bool = typer.Option(False, "--debug", help="Show the traceback of an error; allowed anywhere."),
) -> None:
    pass


def main() -> None:
    """Run the program; the entry point of ``llmscale``."""
    streams.settle()
    settle()
    progress.say = _in_words
    debug = "--debug" in sys.argv
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    if "--help" in arguments and not COMMANDS.keys() & {*arguments}:
        arguments = ["--help"]  # the language is read off the command line itself
    style = _style(arguments)
    rest = arguments[len(style) :]
    _run([*(rest or [ALONE]), *style], debug, SLIPS)


def _style(arguments: list[str]) -> list[str]:
    """Options of output that stand before the command."""
    at = 0
    while at < len(arguments) and arguments[at].partition("=")[0] in STYLE:
        at += 1 if "=" in arguments[at] or not STYLE[arguments[at]] else 2
    return arguments[:at]


def _run(arguments: list[str], debug: bool, tries: int) -> None:
    """Run one command and exit.

    Args:
        tries: how often it is run again as what was meant, where it fails and that is plain.
    """
    try:
        status = app(args=arguments, prog_name="llmscale", standalone_mode=False)
        sys.stdout.flush()
    except LlmscaleError as error:
        if debug:
            raise
        if tries and error.exit_status in (2, 3):
            _again(arguments, error.message, debug, tries - 1)
        sys.exit(_say(error.kind, error.message, error.hint, error.exit_status, arguments))
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(130)
    except BrokenPipeError:
        # The reader (head, less) has gone; nothing is left to say to it.
        streams.let_go()
        sys.exit(0)
    except Exception as error:
        if debug:
            raise
        if hasattr(error, "format_message"):  # Typer's own usage errors
            if tries:
                _again(arguments, error.format_message(), debug, tries - 1)
            message = _negative_size(arguments) or error.format_message()
            asked = getattr(getattr(error, "ctx", None), "command_path", "llmscale")
            sys.exit(_say("usage", message, f"See {asked} --help.", 2, arguments))
        if isinstance(error, OSError) and error.errno in FULL:
            streams.let_go()
            message, hint = f"The answer cannot be written: {error.strerror}.", "Free some room, or write it elsewhere."
            sys.exit(_say("output", message, hint, 4, arguments))
        defect = f"This is a defect of llmscale: {type(error).__name__}: {error}."
        sys.exit(
            _say("defect", defect, "Please report it with the output of the same command and --debug.", 70, arguments)
        )
    sys.exit(status if isinstance(status, int) else 0)


def _again(arguments: list[str], message: str, debug: bool, tries: int) -> None:
    """Run what was meant by `arguments`, which failed, and say so; returns where nobody can tell what was."""
    from llmscale.cli.slips import corrected, shown

    meant = corrected(arguments, message)
    if meant is not None:
        if meant[-1] not in ("--help", "--version"):
            _tell(f"{spoken(arguments).phrase('taken as:')} {legible(shown(meant))}\n")
        _run(meant, debug, tries)


def _negative_size(arguments: list[str]) -> str:
    """What is wrong with an argument such as ``-7B``, which Typer takes for an option that does not exist."""
    for argument in arguments:
        if len(argument) > 2 and argument[0] == "-" and argument[1].isdigit() and not argument[1:].isdigit():
            return f"'{argument}' is not a model size: it must be more than zero."
    return ""


def _say(kind: str, message: str, hint: str, status: int, arguments: list[str]) -> int:
    """Print one error on stderr, as JSON when the answer would have been JSON; returns the exit status."""
    message, hint = legible(message), legible_lines(hint)
    if _wants_json(arguments):
        import json

        from llmscale.answers.results.common import SCHEMA

        content = {"schema": SCHEMA, "error": {"kind": kind, "message": message, "hint": hint}}
        text = json.dumps(content, ensure_ascii=False) + "\n"
    else:
        say = spoken(arguments).phrase
        text = f"{say('error:')} {say(message)}\n" + (f"{say('hint:')} {say(hint)}\n" if hint else "")
    _tell(text)
    return status


def _tell(text: str) -> None:
    """Write to stderr, in what it can say."""
    encoding = sys.stderr.encoding or "utf-8"
    sys.stderr.write(text.encode(encoding, "replace").decode(encoding))


def _wants_json(arguments: list[str]) -> bool:
    joined = " ".join(arguments) + " "
    return any(spelling in joined for spelling in ("-o json ", "-ojson ", "--output json ", "--output=json "))
