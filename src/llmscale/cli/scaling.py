"""``llmscale scaling``."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from llmscale.cli.output import Style, takes_style

app = typer.Typer(rich_markup_mode=None)


@app.command(
    epilog="Examples: llmscale scaling llama-2-7b --tokens 2T | llmscale scaling --flops 5.76e23 | "
    "llmscale scaling --budget '$1M' --gpu h100 | llmscale scaling --trained"
)
@takes_style
def scaling(
    model: Annotated[Optional[str], typer.Argument(help="A model, for its size.")] = None,
    params: Annotated[Optional[str], typer.Option("--params", help="Parameters: 7B.", rich_help_panel="What")] = None,
    tokens: Annotated[
        Optional[str],
        typer.Option("--tokens", help="Tokens: 2T; the optimum for the size unless given.", rich_help_panel="What"),
    ] = None,
    flops: Annotated[Optional[str], typer.Option("--flops", help="Compute: 1e24.", rich_help_panel="What")] = None,
    unique_tokens: Annotated[
        Optional[str],
        typer.Option(
            "--unique-tokens", help="How many of the tokens differ; the rest are repeats.", rich_help_panel="What"
        ),
    ] = None,
    serve_tokens: Annotated[
        Optional[str],
        typer.Option(
            "--serve-tokens", help="Tokens that will be served: 1T; what size then costs least.", rich_help_panel="What"
        ),
    ] = None,
    granularity: Annotated[
        Optional[float],
        typer.Option("--granularity", help="Of fine-grained experts: a line of their law.", rich_help_panel="What"),
    ] = None,
    budget: Annotated[
        Optional[str], typer.Option("--budget", help="Money: '$1M'; with --gpu.", rich_help_panel="Money")
    ] = None,
    gpu: Annotated[
        Optional[str], typer.Option("--gpu", help="What the budget rents: h100.", rich_help_panel="Money")
    ] = None,
    price: Annotated[
        Optional[float],
        typer.Option("--price", help="USD an hour; else a dated range of lists.", rich_help_panel="Money"),
    ] = None,
    trained: Annotated[
        bool,
        typer.Option("--trained", help="How long all models of the catalogue were trained.", rich_help_panel="What"),
    ] = False,
    *,
    style: Style,
) -> None:
    """What a size and tokens are worth by the scaling laws, the best share of the compute, what doubling brings."""
    from llmscale.answers.scaling import compute
    from llmscale.answers.scaling import scaling as answer
    from llmscale.answers.scaling_budget import money
    from llmscale.render.views.scaling import scaling_view
    from llmscale.units import parse_count

    result = answer(
        model,
        params=parse_count(params, "--params") if params is not None else None,
        tokens=parse_count(tokens, "--tokens") if tokens is not None else None,
        flops=compute(flops) if flops is not None else None,
        unique_tokens=parse_count(unique_tokens, "--unique-tokens") if unique_tokens is not None else None,
        serve_tokens=parse_count(serve_tokens, "--serve-tokens") if serve_tokens is not None else None,
        granularity=granularity,
        budget=money(budget) if budget is not None else None,
        device=gpu,
        price=price,
        catalogue_models=trained,
    )
    style.write(result, scaling_view)
