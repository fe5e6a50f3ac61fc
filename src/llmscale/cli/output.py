"""Writing an answer to stdout in the format asked for."""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

from llmscale.cli.options import Lang
from llmscale.render.interface import Look, View


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
        from llmscale.render.registry import writer
        from llmscale.render.report import legible
        from llmscale.render.words import words

        say = words(self.lang.value)
        look = Look(self.width, not self.no_color, self.quiet)
        out(writer(self.output).write(result, lambda: legible(view(result, say)), say, look))


def out(text: str) -> None:
    # A terminal or file that cannot say 亿 gets a question mark instead of a traceback.
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
