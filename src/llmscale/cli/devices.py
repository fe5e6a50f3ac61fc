"""``llmscale devices``: alone a list; ``list``, ``local``, ``show``, ``check``."""

from __future__ import annotations

from typing import Annotated

import typer

from llmscale.cli import options as opt
from llmscale.cli.output import Style, takes_style

app = typer.Typer(rich_markup_mode=None, invoke_without_command=True)


def _list(word: str, style: Style) -> None:
    from llmscale.answers.lists import list_devices
    from llmscale.render.views.lists import devices_view

    style.write(list_devices(word), devices_view)


@app.callback(epilog="Examples: llmscale devices list rtx | llmscale devices show rtx4090")
@takes_style
def devices(
    ctx: typer.Context,
    *,
    style: Style,
) -> None:
    """The graphics cards and accelerators that ship with llmscale."""
    if ctx.invoked_subcommand is None:
        _list("", style)


@app.command("list", epilog="Example: llmscale devices list rtx")
@takes_style
def list_(
    word: Annotated[str, typer.Argument(metavar="[WORD]", help="Part of an id, name, vendor, kind or alias.")] = "",
    *,
    style: Style,
) -> None:
    """List all, or those that have WORD in a name."""
    _list(word, style)


@app.command(epilog="Examples: llmscale devices local | llmscale fits local")
@takes_style
def local(
    *,
    style: Style,
) -> None:
    """The devices and the RAM of this machine; fits local says what it can run."""
    from llmscale.answers.machine import local_machine
    from llmscale.render.views.machine import machine_view

    style.write(local_machine(), machine_view)


@app.command(epilog="Example: llmscale devices show rtx4090")
@takes_style
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", autocompletion=opt.complete_device)],
    *,
    style: Style,
) -> None:
    """Show one with its sources."""
    from llmscale.answers.lists import show_device
    from llmscale.render.views.lists import devices_view

    style.write(show_device(name), devices_view)


@app.command(epilog="Examples: llmscale devices check | llmscale devices check my-devices.yaml")
@takes_style
def check(
    file: Annotated[str, typer.Argument(metavar="[FILE]", help="Entries as in data/devices.yaml.")] = "",
    *,
    style: Style,
) -> None:
    """Say what is not known of each device, in FILE or of those that ship; fails on a file that does not fit."""
    from llmscale.answers.check import check_devices
    from llmscale.render.views.check import device_check_view

    style.write(check_devices(file), device_check_view)
