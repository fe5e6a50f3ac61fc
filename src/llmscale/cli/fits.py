"""``llmscale fits``."""

from __future__ import annotations

from typing import Annotated, Any, Optional

import typer

from llmscale.cli import options as opt
from llmscale.cli.grouped import GroupedCommand
from llmscale.cli.output import Style
from llmscale.cli.runtime_options import takes_runtime_options

app = typer.Typer(rich_markup_mode=None)


@app.command(
    cls=GroupedCommand,
    epilog="Examples: llmscale fits rtx4090 | llmscale fits '2x rtx3090' llama-2-70b | "
    "llmscale fits 12GB --model llama-3.1-70b",
)
@takes_runtime_options
def fits(
    device: Annotated[
        Optional[str],
        typer.Argument(
            metavar="DEVICE",
            help="rtx4090, '2x rtx3090', 'rtx4090 + rtx3060', 24GiB, rtx4090:20GB. Default: 12, 16 and 24 GB cards.",
            autocompletion=opt.complete_device,
        ),
    ] = None,
    models: Annotated[
        Optional[list[str]],
        typer.Argument(
            metavar="MODEL …", help="Only these. Default: the whole catalogue.", autocompletion=opt.complete_model
        ),
    ] = None,
    model: Annotated[
        Optional[list[str]],
        typer.Option(
            "--model", "-m", metavar="MODEL", help="The same as an argument.", autocompletion=opt.complete_model
        ),
    ] = None,
    quant: opt.Quants = None,
    quant_map: opt.QuantMap = None,
    sparsity: opt.Sparsity = None,
    runtime: opt.Runtime = None,
    context: opt.Context = None,
    batch: opt.Batch = 1,
    kv_dtype: opt.KvDtype = "fp16",
    reserve: opt.Reserve = None,
    everything: Annotated[bool, typer.Option("--all", help="Also what is far too large.")] = False,
    command: Annotated[
        bool, typer.Option("--command", help="Also what to type: the line that starts the runtime so.")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="Exit with status 1 unless some model fits.")] = False,
    catalogue: opt.Catalogue = None,
    output: opt.OutputOption = "table",
    lang: opt.LangOption = opt.Lang.en,
    no_color: opt.NoColor = False,
    width: opt.Width = None,
    quiet: opt.Quiet = False,
    *,
    options: dict[str, Any],
) -> None:
    """Which models DEVICE takes, each in the quant that loses least of those that fit; of one model, all that fit."""
    from llmscale.answers.fits import fits as answer
    from llmscale.answers.results.fits import FitsResult
    from llmscale.render.views.fits import fits_view

    result = answer(
        device,
        [*(models or ()), *(model or ())],
        context=opt.tokens(context),
        batch=batch,
        kv_dtype=kv_dtype,
        quants=quant or (),
        runtime=runtime,
        reserve=reserve,
        options=options,
        quant_map=quant_map,
        sparsity=sparsity,
        everything=everything,
        command=command,
        catalogue=catalogue,
    )
    Style(output, lang, no_color, width, quiet).write(result, fits_view)
    lists = [result] if isinstance(result, FitsResult) else result.devices
    if check and not any(line.fits for one in lists for line in one.models):
        raise typer.Exit(1)
