"""``llmscale plugins``."""

from __future__ import annotations

import typer

from llmscale.cli.output import Style, takes_style

app = typer.Typer(rich_markup_mode=None)


@app.command(epilog="Example: llmscale plugins")
@takes_style
def plugins(
    *,
    style: Style,
) -> None:
    """What other installed packages bring to llmscale."""
    from llmscale.answers.runtimes import list_plugins
    from llmscale.render.views.runtimes import plugins_view

    style.write(list_plugins(), plugins_view)
