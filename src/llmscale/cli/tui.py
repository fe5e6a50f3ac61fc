"""``llmscale tui``."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from llmscale.cli import options as opt

app = typer.Typer(rich_markup_mode=None)


@app.command(epilog="Examples: llmscale tui | llmscale tui llama-3.1-8b -q q4_k_m --gpu rtx4090")
def tui(
    model: Annotated[
        str, typer.Argument(metavar="[MODEL]", help="What it begins with.", autocompletion=opt.complete_model)
    ] = "",
    quant: Annotated[
        str,
        typer.Option(
            "--quant",
            "-q",
            metavar="Q",
            help="Weight format.",
            autocompletion=opt.complete_quant,
            rich_help_panel="What",
        ),
    ] = "",
    context: opt.Context = None,
    batch: opt.Batch = 1,
    kv_dtype: opt.KvDtype = "fp16",
    runtime: opt.Runtime = None,
    gpu: opt.Gpus = None,
    lang: opt.LangOption = opt.Lang.en,
    no_color: opt.NoColor = False,
) -> None:
    """Catalogue, devices and answers on one screen that follows every key: choose, compare, copy the command."""
    from llmscale.errors import UsageError
    from llmscale.render.words import words

    if no_color:
        os.environ["NO_COLOR"] = "1"
    try:
        from llmscale.tui.app import Screenful
        from llmscale.tui.choice import Asking
    except ImportError:
        raise UsageError("What draws the screen is not installed.", "pip install 'llmscale[tui]'") from None
    if not _has_terminal():
        raise UsageError(
            "A screen needs a terminal, and there is none.", "llmscale estimate answers the same anywhere."
        )
    users = str(batch) if batch != 1 else ""
    kv = kv_dtype if kv_dtype != "fp16" else ""
    choice = Asking(model, quant, context or "", kv, runtime or "", users, tuple(gpu or ()))
    copied = Screenful(choice, words(lang.value)).run()
    if copied:
        typer.echo(copied)


def _has_terminal() -> bool:
    """Whether keys come from one and the screen goes to one; what is printed at the end may go elsewhere."""
    return sys.stdin.isatty() and sys.stderr.isatty()
