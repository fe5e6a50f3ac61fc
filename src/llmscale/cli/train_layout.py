"""Options of ``train`` that say how a model is cut over devices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Optional

import typer

from llmscale.cli import options as opt

if TYPE_CHECKING:
    from llmscale.answers.train_layouts import LayoutAsked

PANEL = "Several devices"
Count = Annotated[Optional[int], typer.Option("--count", metavar="N", help="How many of --gpu.", rich_help_panel=PANEL)]
GlobalBatch = Annotated[
    Optional[str],
    typer.Option("--global-batch", metavar="TOKENS", help="Tokens of a step of all, 4M.", rich_help_panel=PANEL),
]
Tp = Annotated[
    Optional[int], typer.Option("--tp", help="Tensor parallel; searched if not given.", rich_help_panel=PANEL)
]
Pp = Annotated[Optional[int], typer.Option("--pp", help="Pipeline stages.", rich_help_panel=PANEL)]
Vp = Annotated[
    Optional[int], typer.Option("--vp", help="Chunks of a stage, interleaved; 1: 1F1B.", rich_help_panel=PANEL)
]
Cp = Annotated[Optional[int], typer.Option("--cp", help="Context parallel.", rich_help_panel=PANEL)]
Ep = Annotated[Optional[int], typer.Option("--ep", help="Expert parallel.", rich_help_panel=PANEL)]
Zero = Annotated[
    Optional[int],
    typer.Option("--zero", help="0 to 3: nothing, states, gradients, weights (FSDP2) divided.", rich_help_panel=PANEL),
]
Network = Annotated[
    Optional[float],
    typer.Option(
        "--network", metavar="GB/S", help="What a device sends out of its node, one way.", rich_help_panel=PANEL
    ),
]


def asked(
    count: int | None,
    batch: str | None,
    network: float | None,
    degrees: dict[str, int | None],
    checkpointing: str | None,
) -> LayoutAsked:
    """What the options say together.

    Raises:
        UsageError: not a number of tokens.
    """
    from llmscale.answers.train_layouts import LayoutAsked, fixed

    return LayoutAsked(count, opt.tokens(batch, "--global-batch"), network, fixed(degrees, checkpointing))
