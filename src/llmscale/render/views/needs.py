"""``needs``: the devices that a model takes, smallest memory first."""

from __future__ import annotations

from llmscale.answers.results.needs import NeedsResult
from llmscale.quantity import Basis
from llmscale.render.report import Cell, Column, Report, table, word
from llmscale.render.views.cells import LOSS_NOTE, PACE_NOTE, gib, loss, pace
from llmscale.render.words import Words
from llmscale.units import format_gib

MODELLED = Basis.MODELLED.value


def needs_view(result: NeedsResult, say: Words) -> Report:
    """See the module."""
    paced = any(line.tokens_per_second is not None for line in result.devices)
    columns = [
        Column("device", "Device", right=False),
        Column("kind", "Kind", right=False),
        Column("memory_bytes", "Memory GiB"),
        Column("headroom_bytes", ""),
        Column("quant", "Quant", right=False),
        Column("loss_percent", "Loss %"),
        Column("max_context", "Max context"),
        Column("tokens_per_second", "t/s" if paced else "", spare=True),
        Column("price_usd", "Price USD"),
        Column("power_w", "Power W", spare=True),
    ]
    rows = [
        [
            word(f"{line.count}x {line.id}" if line.count > 1 else line.id),
            word(line.kind),
            gib(line.memory_bytes),
            Cell(line.headroom_bytes, ""),
            Cell(line.quant, line.quant.upper(), "bold"),
            loss(line.loss),
            Cell(line.max_context, "-" if line.max_context is None else f"~{line.max_context:,}"),
            pace(line.tokens_per_second) if paced else Cell(None, ""),
            Cell(line.price_usd, "-" if line.price_usd is None else f"{line.price_usd:,.0f}"),
            Cell(line.power_w, "-" if line.power_w is None else f"{line.power_w:,.0f}"),
        ]
        for line in result.devices
    ]
    best, least = result.quants[0].upper(), result.quants[-1].upper()
    title = (
        f"{result.model.name} in {least}: ~{format_gib(result.total_bytes)} GiB at a context of {result.context:,}"
        if best == least
        else f"{result.model.name} at a context of {result.context:,}, in the best quant that fits ({best} to {least})"
    )
    notes = [*(say.sentence(told) for told in result.notes), "Prices are those at launch."]
    if paced:
        notes.append(PACE_NOTE)
    if best != least:
        notes.append(LOSS_NOTE)
    if not result.devices:
        notes.append(
            "No single device or pair in the catalogue is enough: try a smaller --quant, a larger --max-count, "
            "or more with --max-price and --kind where you set them."
        )
    if result.hidden:
        notes.append(f"{result.hidden} larger devices would do as well (--all).")
    return Report((table(title, columns, rows),), tuple(notes))
