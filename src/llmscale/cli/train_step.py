"""Options of ``train`` that say what one step is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Optional

import typer

from llmscale.cli import options as opt

if TYPE_CHECKING:
    from llmscale.answers.train_compute import ComputeAsked
    from llmscale.answers.train_flops import StepAsked
    from llmscale.cli.output import Style

Model = Annotated[
    Optional[str],
    typer.Argument(
        metavar="MODEL", help="A catalogue name, a config.json or its folder.", autocompletion=opt.complete_model
    ),
]
FlopsOption = Annotated[
    str,
    typer.Option("--flops", help="square: all scores, as torch counts; causal: half of them.", rich_help_panel="Step"),
]

Tokens = Annotated[Optional[str], typer.Option("--tokens", help="Tokens of the whole run: 2T.", rich_help_panel="Run")]
Gpu = Annotated[
    Optional[str],
    typer.Option(
        "--gpu", metavar="DEVICE", help='rtx4090: does a step fit it; "64x h100" with --tokens.', rich_help_panel="Run"
    ),
]
Mfu = Annotated[
    Optional[float],
    typer.Option(
        "--mfu", help="Share of the devices' rate, 0.4; else what published runs reached.", rich_help_panel="Run"
    ),
]
Price = Annotated[Optional[float], typer.Option("--price", help="USD an hour of one device.", rich_help_panel="Run")]
Grid = Annotated[Optional[float], typer.Option("--grid", help="Grams of CO2 a kWh.", rich_help_panel="Run")]
Pue = Annotated[float, typer.Option("--pue", help="Energy with cooling over that of devices.", rich_help_panel="Run")]
Reproduce = Annotated[
    bool, typer.Option("--reproduce", help="Published runs: ours, theirs, and how they compare.", rich_help_panel="Run")
]


def compute_of(
    tokens: str | None, gpu: str | None, mfu: float | None, price: float | None, grid: float | None, pue: float
) -> ComputeAsked:
    """What the options say of a run together.

    Raises:
        UsageError: a number that they do not take.
    """
    from llmscale.answers.train_compute import ComputeAsked
    from llmscale.units import parse_count

    return ComputeAsked(parse_count(tokens, "--tokens") if tokens is not None else None, gpu, mfu, price, grid, pue)


def step_of(seq: str | None, micro_batch: int | None, checkpointing: str | None, attn: str, flops: str) -> StepAsked:
    """What the options say together.

    Raises:
        UsageError: a number or a word that they do not take.
    """
    from llmscale.answers.train_flops import StepAsked

    batch = 1 if micro_batch is None else micro_batch
    return StepAsked(opt.tokens(seq, "--seq"), batch, "none" if checkpointing is None else checkpointing, attn, flops)


def reproduce(style: Style) -> None:
    """Write the published runs beside ours."""
    from llmscale.answers.train_compute import reproduce as answer
    from llmscale.render.views.train_flops import reproduce_view

    style.write(answer(), reproduce_view)
