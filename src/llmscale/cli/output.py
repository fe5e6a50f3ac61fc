"""Writing an answer to stdout in the format asked for."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, cast

from llmscale.cli import options as opt
from llmscale.cli.gathered import Command, gathers, option
from llmscale.cli.options import Lang
from llmscale.records import NamedTuple

if TYPE_CHECKING:
    from llmscale.render.interface import View


class Style(NamedTuple):
    """What the user said about output."""

    output: str
    lang: Lang
    no_color: bool
    width: int | None
    quiet: bool

    def write(self, result: Any, view: View) -> None:
        """Write `result`, or the report that `view` makes of it.

        Raises:
            UsageError: a format that nobody writes.
        """
        from llmscale.render.interface import Look
        from llmscale.render.registry import writer
        from llmscale.render.report import legible
        from llmscale.render.translated import translated
        from llmscale.render.words import words

        say = words(self.lang.value)
        look = Look(self.width, not self.no_color, self.quiet)
        out(writer(self.output).write(result, lambda: translated(legible(view(result, say)), say), say, look))


#: How an answer is written: options of every command that has one.
_SHOWN = (
    option("output", opt.OutputOption, "table"),
    option("lang", opt.LangOption, Lang.en),
    option("no_color", opt.NoColor, False),
    option("width", opt.Width, None),
    option("quiet", opt.Quiet, False),
)


def takes_style(command: Command) -> Command:
    """The command with the options of output, which it gets as one `style`."""
    return cast(Command, gathers("style", _SHOWN, lambda said: Style(**said))(command))


def out(text: str) -> None:
    # A terminal or file that cannot say 亿 gets a question mark instead of a traceback.
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
