"""``llmscale web``."""

from __future__ import annotations

import sys
from typing import Annotated, Optional

import typer

app = typer.Typer(rich_markup_mode=None)


@app.command(epilog="Examples: llmscale web | llmscale web --host 0.0.0.0 --allow-host scale.example.org --port 80")
def web(
    host: Annotated[
        str,
        typer.Option(
            "--host", metavar="ADDRESS", help="Where to listen. Default: this machine alone.", rich_help_panel="Server"
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", metavar="N", min=1, max=65535, help="The port.", rich_help_panel="Server")
    ] = 8017,
    allow_host: Annotated[
        Optional[list[str]],
        typer.Option(
            "--allow-host",
            metavar="NAME",
            help="A name that requests may use for it; may be repeated.",
            rich_help_panel="Server",
        ),
    ] = None,
    allow_files: Annotated[
        bool,
        typer.Option(
            "--allow-files", help="Questions may name a config.json of this machine.", rich_help_panel="Server"
        ),
    ] = False,
    rate: Annotated[
        float,
        typer.Option(
            "--rate", metavar="N", help="Requests a second of one address; 0 for no limit.", rich_help_panel="Server"
        ),
    ] = 50.0,
) -> None:
    """The same answers on a page and as a JSON API, until stopped."""
    from importlib import import_module

    from llmscale.errors import UsageError

    try:
        import_module("uvicorn")  # before an address is told that nothing would answer at
        from llmscale.web.guard import Limits
        from llmscale.web.serve import names, serve
    except ImportError:
        raise UsageError("What serves pages is not installed.", "pip install 'llmscale[web]'") from None
    limits = Limits(hosts=names(host, allow_host or []), rate=max(rate, 0.0), burst=max(rate, 0.0) * 4)
    sys.stderr.write(f"http://{f'[{host}]' if ':' in host else host}:{port}\n")
    serve(host, port, limits, allow_files)
