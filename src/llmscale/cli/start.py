"""``llmscale`` alone; no command that anybody has to know."""

from __future__ import annotations

import typer

from llmscale.cli.output import Style, takes_style

app = typer.Typer(rich_markup_mode=None)


@app.command(epilog="Examples: llmscale | llmscale --lang zh")
@takes_style
def start(
    *,
    style: Style,
) -> None:
    """This machine, the best models for it, and what to ask next."""
    from llmscale.answers.start import start as answer
    from llmscale.render.views.start import start_view

    style.write(answer(), start_view)
