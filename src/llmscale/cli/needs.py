"""``llmscale needs``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from llmscale.cli import options as opt
from llmscale.cli.output import Style, takes_style
from llmscale.cli.runtime_options import takes_runtime_options
from llmscale.errors import UsageError

if TYPE_CHECKING:
    from llmscale.answers.results.needs import NeedsResult
    from llmscale.answers.results.needs_load import NeedsLoadResult

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
    users: opt.Users = None,
    prompt: opt.In = None,
    answer_tokens: opt.Out = None,
    ttft: opt.Ttft = None,
    tpot: opt.Tpot = None,
    max_count: Annotated[
        Optional[int],
        typer.Option(
            "--max-count",
            metavar="N",
            help="The most devices of one kind together. Default: 2, else 8; of many users 8.",
            rich_help_panel="Which",
        ),
    ] = None,
    max_price: Annotated[
        Optional[float],
        typer.Option(
            "--max-price", metavar="USD", help="The most that all together cost at launch.", rich_help_panel="Which"
        ),
    ] = None,
    kind: Annotated[
        Optional[list[str]],
        typer.Option(
            "--kind",
            metavar="K",
            help="consumer, datacentre, workstation, laptop, unified or apple; may be repeated.",
            rich_help_panel="Which",
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also the larger ones.", rich_help_panel="Which")] = False,
    train: Annotated[
        Optional[str],
        typer.Option("--train", metavar="METHOD", help="To train it: full, lora or qlora.", rich_help_panel="Training"),
    ] = None,
    seq: Annotated[
        Optional[str],
        typer.Option("--seq", metavar="N", help="Tokens of a training sequence, 2k.", rich_help_panel="Training"),
    ] = None,
    micro_batch: Annotated[
        int, typer.Option("--micro-batch", metavar="N", help="Sequences of a step.", rich_help_panel="Training")
    ] = 1,
    checkpointing: Annotated[
        str, typer.Option("--checkpointing", help="full, none, every:2 or selective.", rich_help_panel="Training")
    ] = "full",
    catalogue: opt.Catalogue = None,
    *,
    style: Style,
    options: dict[str, Any],
) -> None:
    """Which devices MODEL takes, smallest first, each with the best quant that fits; pairs where one is too small."""

    if train is not None and users is not None:
        raise UsageError("--users asks about serving, and --train about training.", "Leave one of them away.")
    if train is not None:
        _train(model, train, (seq, micro_batch, checkpointing), (kind or (), max_price, max_count), catalogue, style)
        return
    if users is None and (seq, micro_batch, checkpointing) != (None, 1, "full"):
        raise UsageError(
            "--seq, --micro-batch and --checkpointing say how a model is trained.", "Add --train lora, or leave them."
        )
    from llmscale.answers.needed import needed

    result = needed(
        model,
        quant or (),
        context=opt.tokens(context),
        batch=batch,
        users=users,
        prompt=opt.tokens(prompt, "--in"),
        answer=opt.tokens(answer_tokens, "--out"),
        ttft=ttft,
        tpot=tpot,
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
    _write(result, style)


def _write(result: NeedsResult | NeedsLoadResult, style: Style) -> None:
    """In the view of what was asked."""
    from llmscale.answers.results.needs import NeedsResult

    if isinstance(result, NeedsResult):
        from llmscale.render.views.needs import needs_view

        style.write(result, needs_view)
        return
    from llmscale.render.views.needs_load import needs_load_view

    style.write(result, needs_load_view)


def _train(
    model: str,
    method: str,
    step: tuple[Optional[str], int, str],
    devices: tuple[Sequence[str], Optional[float], Optional[int]],
    catalogue: Optional[str],
    style: Style,
) -> None:
    from llmscale.answers.needs_train import Filters, needs_train
    from llmscale.answers.train_memory import MemoryAsked
    from llmscale.render.views.needs_train import needs_train_view

    asked = MemoryAsked(opt.tokens(step[0], "--seq"), step[1], step[2])
    style.write(needs_train(model, method, asked, Filters(*devices), catalogue), needs_train_view)
