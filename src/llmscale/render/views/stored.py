"""``models local`` as a report."""

from __future__ import annotations

import os
from collections.abc import Iterator
from shlex import quote

from llmscale.answers.results.stored import LocalModel, LocalModelsResult
from llmscale.notes import note
from llmscale.render.report import Cell, Column, Report, table, word
from llmscale.render.views.cells import answer, counted, gib
from llmscale.render.words import Words
from llmscale.units import format_gib

COLUMNS = (
    Column("name", "Model", right=False, wraps=True),
    Column("keeper", "Kept by", right=False),
    Column("kind", "Kind", right=False),
    Column("main_format", "Format", right=False, spare=True),
    Column("bits_per_weight", "Bits", spare=True),
    Column("parameters", "Parameters", spare=True),
    Column("size_bytes", "Size GB"),
    Column("total_bytes", "Takes GiB"),
    Column("fits", "Fits", right=False),
)
BROKEN = (
    Column("path", "Path", right=False, wraps=True),
    Column("why", "Why not", right=False, wraps=True),
)
GB = 10**9


def stored_view(result: LocalModelsResult, say: Words) -> Report:
    """The models with their sizes, then what cannot be read, then what to type."""
    tables = []
    if result.models:
        tables.append(table(_headline(result, say), COLUMNS, [_row(model, say) for model in result.models]))
    if result.unreadable:
        rows = [[word(_short(one.path)), word(one.why)] for one in result.unreadable]
        tables.append(table(say("Cannot be read"), BROKEN, rows))
    return Report(tuple(tables), tuple(_notes(result, say)))


def _headline(result: LocalModelsResult, say: Words) -> str:
    fitting = [model for model in result.models if model.fits]
    count, size = len(result.models), sum(model.size_bytes for model in result.models)
    if result.device is None:
        return say.sentence(note("local_models", count=count, size=f"{size / GB:,.1f}"))
    return say.sentence(
        note(
            "local_models_fit",
            count=count,
            size=f"{size / GB:,.1f}",
            fit=len(fitting),
            device=result.device.name,
            usable=format_gib(result.device.usable_bytes),
        )
    )


def _row(model: LocalModel, say: Words) -> list[Cell]:
    unknown = word(None)
    fits = unknown if model.fits is None else answer(model.fits, bool(model.may_fit), say)
    return [
        word(model.name),
        word(model.keeper),
        word(model.kind),
        word(model.main_format),
        unknown if model.bits_per_weight is None else Cell(model.bits_per_weight, f"{model.bits_per_weight:.2f}"),
        unknown if model.parameters is None else counted(model.parameters, say),
        Cell(model.size_bytes, _gb(model.size_bytes)),
        unknown if model.total_bytes is None else gib(model.total_bytes, ""),
        fits,
    ]


def _gb(size: int) -> str:
    """As hubs print it, of a small file with digits enough to tell it from none."""
    return f"{size / GB:,.2f}" if size >= GB // 100 else f"{size / GB:,.6f}"


def _notes(result: LocalModelsResult, say: Words) -> Iterator[str]:
    folders = [_short(one.folder) for one in result.looked_in]
    if not result.models and not result.unreadable:
        yield say.sentence(note("local_nothing", folders=folders))
        return
    yield from (say.sentence(told) for told in result.notes)
    there = [_short(one.folder) for one in result.looked_in if one.is_there]
    yield say.sentence(note("local_looked", folders=there))
    first = sorted(result.models, key=lambda model: not model.fits)[:1]
    yield from (f"llmscale estimate {quote(model.reference)}" for model in first)


def _short(path: str) -> str:
    """A path with the user's own folder as people write it."""
    home = os.path.expanduser("~")
    return "~" + path[len(home) :] if len(home) > 1 and path.startswith(home + os.sep) else path
