"""``llmscale fits``."""

from __future__ import annotations

from typing import Annotated, Any, Optional

import typer

from llmscale.cli import options as opt
from llmscale.cli.output import Style, takes_style
from llmscale.cli.runtime_options import takes_runtime_options

app = typer.Typer(rich_markup_mode=None)


def complete_purpose(incomplete: str) -> list[str]:
    """What models are for that begins so."""
    from llmscale.catalogue.entry import PURPOSES

    return [purpose for purpose in PURPOSES if purpose.startswith(incomplete.lower())]


def complete_sort(incomplete: str) -> list[str]:
    """Orders that begin so."""
    from llmscale.answers.ranking import DEFAULT_SORT, SORTS

    return [sort for sort in (DEFAULT_SORT, *SORTS) if sort.startswith(incomplete.lower())]


@app.command(
    epilog="Examples: llmscale fits rtx4090 | llmscale fits '2x rtx3090' llama-2-70b | "
    "llmscale fits 12GB --for code --min-context 32k",
)
@takes_runtime_options
@takes_style
def fits(
    device: Annotated[
        Optional[str],
        typer.Argument(
            metavar="DEVICE",
            help="rtx4090, '2x rtx3090', 'rtx4090 + rtx3060', 24GiB, rtx4090:20GB. Default: this machine's GPU, else "
            "cards of 12, 16 and 24 GB.",
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
            "--model",
            "-m",
            metavar="MODEL",
            help="The same as an argument.",
            autocompletion=opt.complete_model,
            rich_help_panel="What",
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
    purpose: Annotated[
        Optional[str],
        typer.Option(
            "--for",
            metavar="PURPOSE",
            help="chat (default), code, reason, vision, embedding, rerank or speech.",
            autocompletion=complete_purpose,
            rich_help_panel="What",
        ),
    ] = None,
    licence: Annotated[
        Optional[str],
        typer.Option(
            "--licence", "--license", metavar="L", help="Only under it: apache, mit …", rich_help_panel="Which"
        ),
    ] = None,
    any_quant: Annotated[
        bool, typer.Option("--any", help="Also in quants that lose more than 5 %.", rich_help_panel="Which")
    ] = False,
    min_context: Annotated[
        Optional[str],
        typer.Option("--min-context", metavar="N", help="Only with so many tokens; 32k.", rich_help_panel="Which"),
    ] = None,
    min_speed: Annotated[
        Optional[float],
        typer.Option("--min-speed", metavar="N", help="Only with so many tokens a second.", rich_help_panel="Which"),
    ] = None,
    sort: Annotated[
        str,
        typer.Option(
            "--sort",
            metavar="BY",
            help="score, size, speed, context or released.",
            autocompletion=complete_sort,
            rich_help_panel="Which",
        ),
    ] = "score",
    limit: Annotated[
        Optional[int], typer.Option("--limit", metavar="N", help="Rows. Default: 12.", rich_help_panel="Which")
    ] = None,
    everything: Annotated[
        bool,
        typer.Option(
            "--all", help="Every model: older and closed ones too, and what is far too large.", rich_help_panel="Which"
        ),
    ] = False,
    command: Annotated[
        bool, typer.Option("--command", help="What to type for every row: the line that starts the runtime so.")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="Exit with status 1 unless some model fits.")] = False,
    catalogue: opt.Catalogue = None,
    *,
    style: Style,
    options: dict[str, Any],
) -> None:
    """What to run on DEVICE: the best open models, each in the best usual quant that fits; of one MODEL, its quants."""
    from llmscale.answers.fits import fits as answer
    from llmscale.answers.results.fits import FitsResult
    from llmscale.answers.start import here
    from llmscale.render.views.fits import fits_view

    alone = device is None and not models and not model and not command
    result = answer(
        here() if alone else device,
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
        purpose=purpose,
        licence=licence,
        any_quant=any_quant,
        min_context=opt.tokens(min_context, "--min-context"),
        min_speed=min_speed,
        sort=sort,
        limit=limit,
        command=command,
        catalogue=catalogue,
    )
    style.write(result, fits_view)
    lists = [result] if isinstance(result, FitsResult) else result.devices
    if check and not any(line.fits for one in lists for line in one.models):
        raise typer.Exit(1)
