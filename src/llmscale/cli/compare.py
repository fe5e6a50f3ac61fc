"""``llmscale compare``."""

from __future__ import annotations

from typing import Annotated

import typer

from llmscale.cli import options as opt
from llmscale.cli.output import Style

app = typer.Typer(rich_markup_mode=None)


@app.command(epilog="Example: llmscale compare gpt-3 llama-2-70b")
def compare(
    models: Annotated[
        list[str],
        typer.Argument(metavar="MODEL MODEL …", help="Two models or more.", autocompletion=opt.complete_model),
    ],
    quant: opt.Quants = None,
    catalogue: opt.Catalogue = None,
    output: opt.OutputOption = "table",
    lang: opt.LangOption = opt.Lang.en,
    no_color: opt.NoColor = False,
    width: opt.Width = None,
    quiet: opt.Quiet = False,
) -> None:
    """Models side by side: size, shape, context, training, licence, memory of the weights."""
    from llmscale.answers.compare import compare as answer
    from llmscale.answers.estimate import DEFAULT_QUANTS
    from llmscale.render.views.compare import compare_view

    result = answer(models, quant or DEFAULT_QUANTS, catalogue=catalogue)
    Style(output, lang, no_color, width, quiet).write(result, compare_view)
