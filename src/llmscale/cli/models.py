"""``llmscale models``: alone a list; ``list``, ``local``, ``show``, ``check``, ``add``."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from llmscale.cli import options as opt
from llmscale.cli.output import Style, takes_style

app = typer.Typer(rich_markup_mode=None, invoke_without_command=True)


@app.callback(epilog="Examples: llmscale models list qwen | llmscale models show llama-2-7b")
@takes_style
def models(
    ctx: typer.Context,
    catalogue: opt.Catalogue = None,
    *,
    style: Style,
) -> None:
    """The models that ship with llmscale, and your own."""
    if ctx.invoked_subcommand is None:
        from llmscale.answers.lists import list_models
        from llmscale.render.views.lists import models_view

        style.write(list_models(catalogue=catalogue), models_view)


@app.command(
    "list",
    epilog="Examples: llmscale models list qwen | llmscale models list --open --max 30B --since 2025 --sort released",
)
@takes_style
def list_(
    word: Annotated[
        str, typer.Argument(metavar="[WORD]", help="Part of an id, name, publisher, family or alias.")
    ] = "",
    family: Annotated[
        Optional[str], typer.Option("--family", metavar="F", help="The model_type, or part.", rich_help_panel="Which")
    ] = None,
    publisher: Annotated[
        Optional[str], typer.Option("--publisher", metavar="P", help="Who published it.", rich_help_panel="Which")
    ] = None,
    licence: Annotated[
        Optional[str], typer.Option("--licence", metavar="L", help="The licence, or part.", rich_help_panel="Which")
    ] = None,
    modality: Annotated[
        Optional[str],
        typer.Option("--modality", metavar="M", help="text, vision, audio or multimodal.", rich_help_panel="Which"),
    ] = None,
    open_weights: Annotated[
        Optional[bool],
        typer.Option("--open/--closed", help="Whether the weights can be downloaded.", rich_help_panel="Which"),
    ] = None,
    low: Annotated[
        Optional[str], typer.Option("--min", metavar="SIZE", help="Parameters at least, 1B.", rich_help_panel="Which")
    ] = None,
    high: Annotated[
        Optional[str], typer.Option("--max", metavar="SIZE", help="Parameters at most, 30B.", rich_help_panel="Which")
    ] = None,
    since: Annotated[
        Optional[str],
        typer.Option("--since", metavar="MONTH", help="Released in 2025-01 or later.", rich_help_panel="Which"),
    ] = None,
    sort: Annotated[
        Optional[str],
        typer.Option(
            "--sort",
            metavar="KEY",
            help="id, parameters, active, released or context; the largest or newest first. Default: no sorting.",
            rich_help_panel="Which",
        ),
    ] = None,
    catalogue: opt.Catalogue = None,
    *,
    style: Style,
) -> None:
    """List all, or those that have WORD in a name and what the options say."""
    from llmscale.answers.filters import ModelFilter
    from llmscale.answers.lists import list_models
    from llmscale.render.views.lists import models_view

    wanted = ModelFilter(
        family=family,
        publisher=publisher,
        licence=licence,
        modality=modality,
        open=open_weights,
        low=low,
        high=high,
        since=since,
        sort=sort,
    )
    result = list_models(word, wanted, catalogue=catalogue)
    style.write(result, models_view)


@app.command(epilog="Examples: llmscale models local | llmscale models local --gpu rtx4090")
@takes_style
def local(
    gpu: Annotated[
        Optional[str],
        typer.Option(
            "--gpu",
            metavar="DEVICE",
            help="Say what fits this device; default: this machine's.",
            autocompletion=opt.complete_device,
            rich_help_panel="Where",
        ),
    ] = None,
    context: opt.Context = None,
    catalogue: opt.Catalogue = None,
    *,
    style: Style,
) -> None:
    """The models on this disk in the folders of Ollama, llama.cpp, LM Studio, MLX and the hub, and which fit here."""
    from llmscale.answers.stored import local_models
    from llmscale.render.views.stored import stored_view

    style.write(local_models(gpu, context=opt.tokens(context), catalogue=catalogue), stored_view)


@app.command(epilog="Example: llmscale models show llama-2-7b")
@takes_style
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", autocompletion=opt.complete_model)],
    catalogue: opt.Catalogue = None,
    *,
    style: Style,
) -> None:
    """Show one with its sources."""
    from llmscale.answers.lists import show_model
    from llmscale.render.views.lists import model_view

    style.write(show_model(name, catalogue=catalogue), model_view)


@app.command(epilog="Example: llmscale models check -o csv")
@takes_style
def check(
    catalogue: opt.Catalogue = None,
    *,
    style: Style,
    recalled: Annotated[
        bool, typer.Option("--recalled", help="List the models whose config was read nowhere.", rich_help_panel="Which")
    ] = False,
) -> None:
    """Recount every model and list those whose stated figure or context differs; fails on one without a reason."""
    from llmscale.answers.check import check_models
    from llmscale.render.views.check import check_view, recalled_view

    result = check_models(catalogue=catalogue)
    style.write(result, recalled_view if recalled else check_view)
    if result.unexplained or result.contexts:
        raise typer.Exit(1)


@app.command(epilog="Example: llmscale models add ./config.json --id my-llama --publisher me")
@takes_style
def add(
    config: Annotated[str, typer.Argument(metavar="CONFIG", help="A config.json or its folder.")],
    model_id: Annotated[str, typer.Option("--id", metavar="ID", help="What you will type.", rich_help_panel="What")],
    name: Annotated[
        Optional[str], typer.Option("--name", metavar="NAME", help="Default: the id.", rich_help_panel="What")
    ] = None,
    publisher: Annotated[
        str, typer.Option("--publisher", metavar="P", help="Who published it.", rich_help_panel="What")
    ] = "",
    licence: Annotated[str, typer.Option("--licence", metavar="L", help="Its licence.", rich_help_panel="What")] = "",
    released: Annotated[
        str, typer.Option("--released", metavar="MONTH", help="When, 2025-01.", rich_help_panel="What")
    ] = "",
    open_weights: Annotated[
        bool, typer.Option("--open", help="The weights can be downloaded.", rich_help_panel="What")
    ] = False,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Replace the entry of that id, or take the name of one that ships.", rich_help_panel="What"
        ),
    ] = False,
    catalogue: opt.Catalogue = None,
    *,
    style: Style,
) -> None:
    """Write a config.json into your own catalogue, so that its id works like any other model's."""
    from llmscale.answers.add import add_model
    from llmscale.render.views.lists import added_view

    result = add_model(
        config,
        model_id,
        name=name,
        publisher=publisher,
        licence=licence,
        released=released,
        open_weights=open_weights,
        force=force,
        catalogue=catalogue,
    )
    style.write(result, added_view)
