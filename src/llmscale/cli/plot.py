"""``llmscale plot``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from llmscale.cli import options as opt
from llmscale.cli.runtime_options import takes_runtime_options

if TYPE_CHECKING:
    from llmscale.pictures.asked import Kind
    from llmscale.pictures.picture import Picture

app = typer.Typer(rich_markup_mode=None)


def _complete_kind(incomplete: str) -> list[str]:
    from llmscale.pictures.registry import KINDS

    return [name for name in KINDS if name.startswith(incomplete.lower())]


@app.command(
    epilog="Examples: llmscale plot scale | llmscale plot memory llama-3.1-8b | llmscale plot parts deepseek-v3 --to "
    "parts.svg | llmscale plot users llama-3.1-8b --gpu rtx4090 | llmscale plot roofline llama-3.1-8b --gpu rtx4090",
)
@takes_runtime_options
def plot(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND",
            help="scale; memory, parts, users or roofline of a MODEL; context or frontier of a DEVICE.",
            autocompletion=_complete_kind,
        ),
    ],
    subject: Annotated[Optional[str], typer.Argument(metavar="MODEL|DEVICE", help="What is drawn.")] = None,
    quant: opt.Quants = None,
    context: opt.Context = None,
    batch: opt.Batch = 1,
    kv_dtype: opt.KvDtype = "fp16",
    runtime: opt.Runtime = None,
    gpu: Annotated[
        Optional[str],
        typer.Option(
            "--gpu",
            metavar="DEVICE",
            help="rtx4090, '2x rtx3090', 24GiB: its memory as a line, or what users share.",
            rich_help_panel="Where",
            autocompletion=opt.complete_device,
        ),
    ] = None,
    reserve: opt.Reserve = None,
    parts: Annotated[
        bool, typer.Option("--parts", help="memory: what the bytes of one format are for.", rich_help_panel="What")
    ] = False,
    to: Annotated[
        Optional[str],
        typer.Option("--to", metavar="FILE", help="A file, .svg .png .pdf or .html. Default: the terminal."),
    ] = None,
    size: Annotated[str, typer.Option("--size", metavar="WxH", help="Pixels of the file.")] = "960x600",
    dark: Annotated[bool, typer.Option("--dark", help="On a dark ground, in a file.")] = False,
    catalogue: opt.Catalogue = None,
    lang: opt.LangOption = opt.Lang.en,
    no_color: opt.NoColor = False,
    width: opt.Width = None,
    *,
    options: dict[str, Any],
) -> None:
    """A picture of KIND: in the terminal, or in a file with --to."""
    from llmscale.pictures.asked import PictureAsked
    from llmscale.pictures.registry import drawer
    from llmscale.pictures.registry import kind as find_kind
    from llmscale.render.words import words

    found = find_kind(kind)
    _refuse_unfit(kind, found, subject, gpu)
    suffix = Path(to).suffix.lower().removeprefix(".") if to else ""
    draws = drawer(suffix) if to else None
    pixels = _pixels(size)
    tokens = opt.tokens(context)
    asked = PictureAsked(
        subject or "", tuple(quant or ()), tokens, batch, kv_dtype, runtime, gpu, reserve, options, parts, catalogue
    )
    picture = found.draw(asked, words(lang.value))
    if to is None or draws is None:
        _show(picture, width, no_color)
        return
    from llmscale.pictures.drawers.interface import Paper
    from llmscale.store.progress import telling

    with telling("drawing …"):
        drawn = draws.draw(picture, Paper(*pixels, dark, lang.value, suffix))
    _write(Path(to), drawn)


def _refuse_unfit(name: str, kind: Kind, subject: str | None, gpu: str | None) -> None:
    """What the kind needs and was not given, or the other way round."""
    from llmscale.errors import UsageError

    wanted = kind.takes.split(" on ")[0]
    if wanted and not subject:
        example = {"model": "llama-3.1-8b", "device": "rtx4090"}[wanted]
        raise UsageError(f"plot {name} is of a {wanted}, and none is named.", f"For example plot {name} {example}.")
    if subject and not wanted:
        raise UsageError(f"plot {name} is of the whole catalogue, not of '{subject[:40]}'.", f"llmscale plot {name}")
    if kind.takes.endswith(" on device") and not gpu:
        raise UsageError(
            f"plot {name} asks about a device, and none is named.", "Add --gpu, for example --gpu rtx4090."
        )


def _pixels(text: str) -> tuple[int, int]:
    from llmscale.errors import UsageError

    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal() and len(text) < 12):
        raise UsageError(f"--size '{text[:40]}' is not a width and a height in pixels.", "For example 960x600.")
    if not (320 <= int(width) <= 8000 and 200 <= int(height) <= 8000):
        raise UsageError(f"--size {text} is not possible: from 320x200 to 8000x8000 pixels are.")
    return int(width), int(height)


def _show(picture: Picture, width: int | None, no_color: bool) -> None:
    from llmscale.pictures.drawers.terminal import ASCII, UNICODE, draw
    from llmscale.render.writers.table import console

    screen = console(width, no_color)
    piped = width is None and not sys.stdout.isatty()
    signs = UNICODE if _can_say(UNICODE.dots + UNICODE.fills + UNICODE.rule) else ASCII
    with screen.capture() as drawn:
        screen.print(draw(picture, 100 if piped else screen.width, signs=signs), end="")
    from llmscale.cli.output import out

    out(drawn.get())


def _can_say(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _write(path: Path, content: bytes) -> None:
    from llmscale.errors import InputFileError

    try:
        path.write_bytes(content)
    except OSError as error:
        raise InputFileError(f"{path} cannot be written: {error.strerror}.", "Try another --to.") from None
    sys.stderr.write(f"{path}\n")
