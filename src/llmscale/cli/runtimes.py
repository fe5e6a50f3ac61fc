"""``llmscale runtimes``."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from llmscale.cli import options as opt
from llmscale.cli.output import Style, takes_style

app = typer.Typer(rich_markup_mode=None)


@app.command(epilog="Examples: llmscale runtimes | llmscale runtimes vllm")
@takes_style
def runtimes(
    name: Annotated[
        Optional[str],
        typer.Argument(
            metavar="[NAME]", help="Only this one, with all that was read.", autocompletion=opt.complete_runtime
        ),
    ] = None,
    *,
    style: Style,
) -> None:
    """The runtimes, which release of each answers, which others were read, and which are held against measurements."""
    from llmscale.answers.runtimes import list_runtimes
    from llmscale.render.views.runtimes import runtimes_view

    style.write(list_runtimes(name), runtimes_view)
