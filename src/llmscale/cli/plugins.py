"""``llmscale plugins``."""

from __future__ import annotations

import typer

from llmscale.cli import options as opt
from llmscale.cli.output import Style

app = typer.Typer(rich_markup_mode=None)


@app.command(epilog="Example: llmscale plugins")
def plugins(
    output: opt.OutputOption = "table",
    lang: opt.LangOption = opt.Lang.en,
    no_color: opt.NoColor = False,
    width: opt.Width = None,
    quiet: opt.Quiet = False,
) -> None:
    """What other installed packages bring to llmscale."""
    from llmscale.answers.runtimes import list_plugins
    from llmscale.render.views.runtimes import plugins_view

    Style(output, lang, no_color, width, quiet).write(list_plugins(), plugins_view)
