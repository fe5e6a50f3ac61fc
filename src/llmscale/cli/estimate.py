"""``llmscale estimate``."""

from __future__ import annotations

from typing import Annotated, Any, Optional

import typer

from llmscale.cli import options as opt
from llmscale.cli.output import Style, takes_style
from llmscale.cli.runtime_options import takes_runtime_options

app = typer.Typer(rich_markup_mode=None)


@app.command(
    epilog="Examples: llmscale estimate 7B --quant int4 | llmscale estimate llama-2-7b -q fp16 -q int8 --gpu rtx4090",
)
@takes_runtime_options
@takes_style
def estimate(
    model: opt.Model,
    quant: opt.Quants = None,
    quant_map: opt.QuantMap = None,
    sparsity: opt.Sparsity = None,
    file_size: Annotated[
        Optional[str],
        typer.Option(
            "--file-size",
            metavar="SIZE",
            help="Of a GGUF file that is not here, for one in a format that nobody else has: 17.1GB.",
            rich_help_panel="What",
        ),
    ] = None,
    context: opt.Context = None,
    batch: opt.Batch = 1,
    kv_dtype: opt.KvDtype = "fp16",
    runtime: opt.Runtime = None,
    gpu: opt.Gpus = None,
    reserve: opt.Reserve = None,
    users: opt.Users = None,
    prompt: opt.In = None,
    answer_tokens: opt.Out = None,
    ttft: opt.Ttft = None,
    tpot: opt.Tpot = None,
    command: Annotated[
        bool, typer.Option("--command", help="Also what to type: the line that starts the runtime so.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Exit with status 1 unless some format fits some --gpu.")
    ] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Show the formulas with the numbers put in.")] = False,
    assume: opt.Assume = None,
    catalogue: opt.Catalogue = None,
    *,
    style: Style,
    options: dict[str, Any],
) -> None:
    """Memory of MODEL in each format: weights, KV cache, overhead, total, and what it fits."""
    from llmscale.answers.estimate import DEFAULT_QUANTS
    from llmscale.answers.estimate import estimate as answer
    from llmscale.errors import UsageError
    from llmscale.render.views.estimate import EstimateView

    if check and not gpu:
        raise UsageError("--check asks about a device, and none is named.", "Add --gpu, for example --gpu rtx4090.")
    if command and not gpu:
        raise UsageError("--command asks about a device, and none is named.", "Add --gpu, for example --gpu rtx4090.")
    if users is not None and not gpu:
        raise UsageError(
            "--users asks about a device, and none is named.", "Add --gpu, or see which would do: llmscale needs."
        )
    result = answer(
        model,
        quant or DEFAULT_QUANTS,
        context=opt.tokens(context),
        batch=batch,
        kv_dtype=kv_dtype,
        runtime=runtime,
        gpus=gpu or (),
        reserve=reserve,
        options=options,
        quant_map=quant_map,
        sparsity=sparsity,
        explain=explain,
        assume=assume,
        catalogue=catalogue,
        file_size=file_size,
        users=users,
        prompt=opt.tokens(prompt, "--in"),
        answer=opt.tokens(answer_tokens, "--out"),
        ttft=ttft,
        tpot=tpot,
    )
    style.write(result, EstimateView(bool(gpu), explain, command))
    if check and not any(device.fits for line in result.estimates for device in line.devices):
        raise typer.Exit(1)
