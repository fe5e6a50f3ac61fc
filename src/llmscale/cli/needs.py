"""``llmscale needs``."""

from __future__ import annotations

from typing import Annotated, Any, Optional

import typer

from llmscale.cli import options as opt
from llmscale.cli.output import Style, takes_style
from llmscale.cli.runtime_options import takes_runtime_options

app = typer.Typer(rich_markup_mode=None)


@app.command(epilog="Examples: llmscale needs llama-2-70b | llmscale needs llama-2-70b --quant q4_k_m")
@takes_runtime_options
@takes_style
def needs(
    model: opt.Model,
    quant: opt.Quants = None,
    quant_map: opt.QuantMap = None,
    sparsity: opt.Sparsity = None,
    runtime: opt.Runtime = None,
    context: opt.Context = None,
    batch: opt.Batch = 1,
    kv_dtype: opt.KvDtype = "fp16",
    reserve: opt.Reserve = None,
    max_count: Annotated[
        int, typer.Option("--max-count", metavar="N", help="The most devices of one kind together.")
    ] = 2,
    max_price: Annotated[
        Optional[float], typer.Option("--max-price", metavar="USD", help="The most that all together cost at launch.")
    ] = None,
    kind: Annotated[
        Optional[list[str]],
        typer.Option(
            "--kind", metavar="K", help="consumer, datacentre, workstation, laptop, unified or apple; may be repeated."
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also the larger ones.")] = False,
    catalogue: opt.Catalogue = None,
    *,
    style: Style,
    options: dict[str, Any],
) -> None:
    """Which devices MODEL takes, smallest first, each with the best quant that fits; pairs where one is too small."""
    from llmscale.answers.needs import needs as answer
    from llmscale.render.views.needs import needs_view

    result = answer(
        model,
        quant or (),
        context=opt.tokens(context),
        batch=batch,
        kv_dtype=kv_dtype,
        reserve=reserve,
        options=options,
        quant_map=quant_map,
        sparsity=sparsity,
        runtime=runtime,
        max_count=max_count,
        max_price=max_price,
        kinds=kind or (),
        everything=everything,
        catalogue=catalogue,
    )
    style.write(result, needs_view)
