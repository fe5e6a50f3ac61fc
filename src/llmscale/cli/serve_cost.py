"""``llmscale serve-cost``."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from llmscale.cli import options as opt
from llmscale.cli.output import Style, takes_style

app = typer.Typer(rich_markup_mode=None)


@app.command(
    "serve-cost",
    epilog="Examples: llmscale serve-cost llama-3-8b --gpu h100 | "
    "llmscale serve-cost llama-3-8b -q q4_k_m --gpu rtx4090 --kwh 0.3 --years 3 --api-price 0.5",
)
@takes_style
def serve_cost(
    model: opt.Model,
    gpu: Annotated[
        str, typer.Option("--gpu", metavar="DEVICE", help="What serves: h100, 2x rtx4090.", rich_help_panel="Where")
    ],
    quant: Annotated[
        Optional[str], typer.Option("--quant", "-q", metavar="Q", help="Weight format.", rich_help_panel="How")
    ] = None,
    runtime: opt.Runtime = None,
    context: opt.Context = None,
    sequences: Annotated[
        Optional[int],
        typer.Option(
            "--sequences", metavar="N", min=1, help="At once; what fits, up to 64, if not given.", rich_help_panel="How"
        ),
    ] = None,
    price: Annotated[
        Optional[float], typer.Option("--price", help="USD an hour, rented; else dated lists.", rich_help_panel="Money")
    ] = None,
    kwh: Annotated[
        Optional[float],
        typer.Option("--kwh", help="USD a kWh: then your own device is counted.", rich_help_panel="Money"),
    ] = None,
    purchase: Annotated[
        Optional[float],
        typer.Option(
            "--purchase", help="USD of your own device; its price at launch if not given.", rich_help_panel="Money"
        ),
    ] = None,
    years: Annotated[float, typer.Option("--years", help="Over which it is paid off.", rich_help_panel="Money")] = 3.0,
    watts: Annotated[
        Optional[float],
        typer.Option("--watts", help="What it draws; rated power if not given.", rich_help_panel="Money"),
    ] = None,
    utilisation: Annotated[
        float, typer.Option("--utilisation", help="Share of the hours in which it serves.", rich_help_panel="Money")
    ] = 1.0,
    api_price: Annotated[
        Optional[float],
        typer.Option("--api-price", help="USD for a million tokens elsewhere, to compare.", rich_help_panel="Money"),
    ] = None,
    *,
    style: Style,
) -> None:
    """What a million tokens of MODEL cost: on a rented device, on your own, and from when the own one is cheaper."""
    from llmscale.answers.serve_cost import Money
    from llmscale.answers.serve_cost import serve_cost as answer
    from llmscale.render.views.serve_cost import serve_cost_view

    money = Money(price, purchase, kwh, years, watts, utilisation, api_price)
    said = opt.tokens(context)
    length = 4096 if said is None else said
    result = answer(model, gpu, quant, context=length, sequences=sequences, runtime=runtime, money=money)
    style.write(result, serve_cost_view)
