"""``llmscale log``."""

from __future__ import annotations

import sys
from typing import Annotated, Any, Optional

import typer

from llmscale.cli import options as opt
from llmscale.cli.output import Style, out, takes_style
from llmscale.cli.runtime_options import takes_runtime_options

app = typer.Typer(rich_markup_mode=None)


@app.command(
    epilog="Examples: llmscale log server.log | llmscale log - < server.log | llmscale log server.log --anonymise | "
    "llmscale log error.txt -m llama-3.1-8b -q bf16 --gpu rtx4090"
)
@takes_runtime_options
@takes_style
def log(
    file: Annotated[
        str,
        typer.Argument(
            help="A start-up log of llama.cpp, Ollama, vLLM, SGLang, LMDeploy or TensorRT-LLM, or PyTorch's 'out of "
            "memory'; - for stdin."
        ),
    ],
    model: Annotated[
        Optional[str],
        typer.Option("--model", "-m", help="Its model, where the log does not say.", rich_help_panel="What"),
    ] = None,
    quant: Annotated[
        Optional[str], typer.Option("--quant", "-q", help="Its weight format, likewise.", rich_help_panel="What")
    ] = None,
    context: opt.Context = None,
    batch: Annotated[
        Optional[int],
        typer.Option("--batch", "-b", metavar="N", help="Its sequences at once, likewise.", rich_help_panel="What"),
    ] = None,
    kv_dtype: Annotated[
        Optional[str],
        typer.Option(
            "--kv-dtype",
            metavar="Q",
            help="Format of its KV cache.",
            autocompletion=opt.complete_kv,
            rich_help_panel="What",
        ),
    ] = None,
    runtime: Annotated[
        Optional[str],
        typer.Option(
            "--runtime",
            metavar="R",
            help="What it is of, where only PyTorch says something.",
            autocompletion=opt.complete_runtime,
            rich_help_panel="How",
        ),
    ] = None,
    gpu: Annotated[
        Optional[list[str]],
        typer.Option(
            "--gpu",
            metavar="DEVICE",
            help="Its devices, where the log does not say.",
            autocompletion=opt.complete_device,
            rich_help_panel="Where",
        ),
    ] = None,
    anonymise: Annotated[
        bool, typer.Option("--anonymise", help="Write the figures as a row of JSON, without paths and names.")
    ] = False,
    catalogue: opt.Catalogue = None,
    *,
    style: Style,
    options: dict[str, Any],
) -> None:
    """A start-up log beside the estimate, term by term; of an out-of-memory what did it, and what would fit."""
    from llmscale.answers.log import Said
    from llmscale.answers.log import log as answer
    from llmscale.store.log_file import log_text, read_log_file

    text = log_text(sys.stdin.buffer) if file == "-" else read_log_file(file)
    tokens, gpus = opt.tokens(context), tuple(gpu or ())
    result = answer(text, Said(model, quant, tokens, gpus, catalogue, batch, kv_dtype, runtime, options))
    if anonymise:
        import json

        from llmscale.answers.log_row import row

        out(json.dumps(row(result)) + "\n")
        return
    from llmscale.render.views.log import log_view

    style.write(result, log_view)
