"""``llmscale params``."""

from __future__ import annotations

from typing import Annotated

import typer

from llmscale.cli import options as opt
from llmscale.cli.output import Style, takes_style

app = typer.Typer(rich_markup_mode=None)


@app.command(
    epilog="Examples: llmscale params deepseek-v3 | llmscale params ./config.json | llmscale params gpt2 --explain"
)
@takes_style
def params(
    model: opt.Model,
    exact: Annotated[bool, typer.Option("--exact", help="Print every digit.")] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show the shape of each tensor group, and the sum.")
    ] = False,
    assume: opt.Assume = None,
    catalogue: opt.Catalogue = None,
    *,
    style: Style,
) -> None:
    """Where the parameters of MODEL sit: total and active, by component, with the scale tier."""
    from llmscale.answers.params import params as answer
    from llmscale.render.views.params import ParamsView

    result = answer(model, assume=assume, catalogue=catalogue)
    style.write(result, ParamsView(exact, explain))
