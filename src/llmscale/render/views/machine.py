"""``devices local`` as a report."""

from __future__ import annotations

from llmscale.answers.results.machine import MachineResult
from llmscale.render.report import Cell, Column, Report, table, word
from llmscale.render.views.cells import gib
from llmscale.render.words import Words


def machine_view(result: MachineResult, say: Words) -> Report:
    """Each device with its memory, then the RAM, then what to type."""
    columns = [
        Column("name", "Device", right=False),
        Column("id", "Id", right=False),
        Column("total_bytes", "Memory GiB"),
        Column("free_bytes", "Free GiB"),
        Column("usable_bytes", "Usable GiB"),
    ]
    rows = [
        [word(line.name), word(line.id or "-"), gib(line.total_bytes), _known(line.free_bytes), gib(line.usable_bytes)]
        for line in result.devices
    ]
    if result.ram:
        ram = result.ram
        rows.append([word("RAM"), word("-"), gib(ram.total_bytes), gib(ram.available_bytes), gib(ram.available_bytes)])
    told = [say.sentence(note) for note in result.notes]
    if not result.devices:
        told.append(say("No GPU was found on this machine."))
    else:
        told.append("llmscale fits local")
    return Report((table("", columns, rows),) if rows else (), tuple(told))


def _known(size: int | None) -> Cell:
    return word("-") if size is None else gib(size)
