"""``llmscale mcp``."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(rich_markup_mode=None)


@app.command(epilog="Examples: llmscale mcp | claude mcp add llmscale -- llmscale mcp")
def mcp(
    allow_files: Annotated[
        bool,
        typer.Option(
            "--allow-files", help="Questions may name a config.json of this machine.", rich_help_panel="Server"
        ),
    ] = False,
) -> None:
    """The same answers as tools of an assistant (Model Context Protocol), on stdin and stdout."""
    from llmscale.errors import UsageError

    try:
        from llmscale.mcp.server import serve
    except ImportError:
        raise UsageError("What serves tools is not installed.", "pip install 'llmscale[mcp]'") from None
    serve(allow_files)
