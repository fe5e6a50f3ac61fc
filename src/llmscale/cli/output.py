"""Writing an answer to stdout in the format asked for."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from llmscale.cli.options import Lang, Output
from llmscale.render.report import Report

if TYPE_CHECKING:
    from llmscale.render.words import Words


class Style(NamedTuple):
    """What the user said about output."""

    output: Output
    lang: Lang
    no_color: bool
    width: int | None
    quiet: bool

    def write(self, result: Any, view: Callable[[Any, Words], Report]) -> None:
        """Write `result`: itself as JSON or YAML, its `view` as table, markdown or CSV."""
        from llmscale.render.words import words

        if self.output in (Output.json, Output.yaml):
            from llmscale.render.writers.text import as_json, as_yaml, contract

            # The contract has its sentences in English, and codes besides.
            content = contract(result, words("en"))
            _out(as_json(content) if self.output is Output.json else as_yaml(content))
            return
        say = words(self.lang.value)
        report = view(result, say)
        if self.output is Output.table:
            from llmscale.render.writers.table import console, write_table

            write_table(report, say, console(self.width, self.no_color), self.quiet)
            return
        from llmscale.render.writers.text import as_csv, as_markdown

        _out(as_csv(report) if self.output is Output.csv else as_markdown(report, say))


def _out(text: str) -> None:
    # A terminal or file that cannot say 亿 gets a question mark instead of a traceback.
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
