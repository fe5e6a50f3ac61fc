"""``llmscale compare``."""

from __future__ import annotations

from typing import Annotated

import typer

from llmscale.cli import options as opt
from llmscale.cli.output import Style, takes_style

app = typer.Typer(rich_markup_mode=None)


@app.command(epilog="Example: llmscale compare gpt-3 llama-2-70b")
@takes_style
def compare(
    models: Annotated[
        list[str],
        typer.Argument(metavar="MODEL MODEL …", help="Two models or more.", autocompletion=opt.complete_model),
    ],
    quant: opt.Quants = None,
    catalogue: opt.Catalogue = None,
    *,
    style: Style,
) -> None:
    """Models side by side: size, shape, context, training, licence, memory of the weights."""
    from llmscale.answers.compare import compare as answer
    from llmscale.answers.estimate import DEFAULT_QUANTS
    from llmscale.render.views.compare import compare_view

    result = answer(models, quant or DEFAULT_QUANTS, catalogue=catalogue)
    style.write(result, compare_view)
