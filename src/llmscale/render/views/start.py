"""``llmscale`` alone: this machine in a sentence, three models, three lines to type."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.answers.results.start import StartResult
from llmscale.notes import note
from llmscale.render.report import Report
from llmscale.render.views.fits import lines_of
from llmscale.render.views.next import asked
from llmscale.render.words import Words
from llmscale.units import format_gib


def start_view(result: StartResult, say: Words) -> Report:
    """See the module."""
    ram = format_gib(result.machine.ram.total_bytes, 0) if result.machine.ram else ""
    if result.best is None:
        lead = say.sentence(note("start_without", ram=ram))
        return Report((), tuple(_told(result, say)), (lead,), typed=tuple(asked(result.questions.items(), say)))
    names = [line.name for line in result.machine.devices]
    usable = format_gib(result.best.device.usable_bytes)
    lead = say.sentence(note("start_with", devices=names, usable=usable, ram=ram))
    typed = tuple(asked(result.questions.items(), say))
    return Report(lines_of(result.best, say), tuple(_told(result, say)), (lead,), typed=typed)


def _told(result: StartResult, say: Words) -> Iterator[str]:
    for told in result.machine.notes:
        yield say.sentence(told)
