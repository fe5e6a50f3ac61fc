"""Options of ``train`` that say what one step is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Optional

import typer

from llmscale.cli import options as opt

if TYPE_CHECKING:
    from llmscale.answers.train_flops import StepAsked

Seq = Annotated[
    Optional[str], typer.Option("--seq", metavar="N", help="Tokens of a sequence, 2048 or 2k.", rich_help_panel="Step")
]
MicroBatch = Annotated[
    int, typer.Option("--micro-batch", metavar="N", help="Sequences of one device's step.", rich_help_panel="Step")
]
Checkpointing = Annotated[
    str, typer.Option("--checkpointing", help="none, or full: run each layer again.", rich_help_panel="Step")
]
Attn = Annotated[str, typer.Option("--attn", help="flash, sdpa or eager.", rich_help_panel="Step")]
FlopsOption = Annotated[
    str,
    typer.Option("--flops", help="square: all scores, as torch counts; causal: half of them.", rich_help_panel="Step"),
]


def step_of(seq: str | None, micro_batch: int, checkpointing: str, attn: str, flops: str) -> StepAsked:
    """What the options say together.

    Raises:
        UsageError: a number or a word that they do not take.
    """
    from llmscale.answers.train_flops import StepAsked

    return StepAsked(opt.tokens(seq), micro_batch, checkpointing, attn, flops)
