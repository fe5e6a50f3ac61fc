"""``llmscale quants``: alone a list; ``list``, ``show``."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from llmscale.cli import options as opt
from llmscale.cli.output import Style, takes_style

app = typer.Typer(rich_markup_mode=None, invoke_without_command=True)


QuantModel = Annotated[
    Optional[str],
    typer.Option(
        "--model",
        "-m",
        metavar="MODEL",
        help="With its exact size in each.",
        autocompletion=opt.complete_model,
        rich_help_panel="What",
    ),
]


def _list(word: str, model: Optional[str], style: Style) -> None:
    from llmscale.answers.lists import list_quants
    from llmscale.render.views.lists import quants_view

    style.write(list_quants(word, model), quants_view)


@app.callback(
    epilog="Examples: llmscale quants --model qwen3-30b-a3b | llmscale quants --all | llmscale quants list iq | "
    "llmscale quants show q4_k_m"
)
@takes_style
def quants(
    ctx: typer.Context,
    model: QuantModel = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All, not those in use alone.", rich_help_panel="What")
    ] = False,
    *,
    style: Style,
) -> None:
    """The quants in use: bits per weight, who reads them, what they lose."""
    if ctx.invoked_subcommand is None and everything:
        _list("", model, style)
    elif ctx.invoked_subcommand is None:
        from llmscale.answers.lists import quants_in_use
        from llmscale.render.views.lists import quants_view

        style.write(quants_in_use(model), quants_view)


@app.command("list", epilog="Example: llmscale quants list iq --model llama-3.1-8b")
@takes_style
def list_(
    word: Annotated[str, typer.Argument(metavar="[WORD]", help="Part of an id, name, alias or reader.")] = "",
    model: QuantModel = None,
    *,
    style: Style,
) -> None:
    """List all, or those that have WORD in a name."""
    _list(word, model, style)


@app.command(epilog="Example: llmscale quants show q4_k_m")
@takes_style
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", autocompletion=opt.complete_quant)],
    model: QuantModel = None,
    *,
    style: Style,
) -> None:
    """Show one with its sources."""
    from llmscale.answers.lists import show_quant
    from llmscale.render.views.lists import quant_view

    style.write(show_quant(name, model), quant_view)
