"""``needs --train``: the devices on which a model can be trained, smallest memory first."""

from __future__ import annotations

from llmscale.answers.results.needs_train import NeedsTrainResult, TrainingDevice
from llmscale.notes import note
from llmscale.render.report import Cell, Column, Report, table, word
from llmscale.render.views.cells import gib
from llmscale.render.words import Words
from llmscale.units import format_gib

OTHERS = 3


def needs_train_view(result: NeedsTrainResult, say: Words) -> Report:
    """See the module."""
    columns = [
        Column("memory_bytes", "Memory GiB"),
        Column("device", "Device", right=False, wraps=True),
        Column("used_bytes", "Used GiB"),
        Column("layout", "Layout" if any(line.layout for line in result.devices) else "", right=False),
        Column("price_usd", "Price USD"),
        Column("others", "Or" if any(line.others for line in result.devices) else "", right=False, wraps=True),
    ]
    rows = [
        [
            gib(line.memory_bytes),
            word(_called(line)),
            gib(line.used_bytes, "modelled", line.used_range),
            Cell(_cut(line), _cut(line)),
            Cell(line.price_usd, "-" if line.price_usd is None else f"{line.price_usd:,.0f}"),
            Cell(", ".join(line.others), _some(line.others)),
        ]
        for line in result.devices
    ]
    first = result.devices[0] if result.devices else None
    lead = note(
        "needs_train",
        model=result.model.name,
        method=result.train,
        sequence=result.sequence,
        checkpointing=result.checkpointing != "none",
        device=_called(first) if first else "",
        used=format_gib(result.least_bytes),
        low=format_gib(result.least_range[0]),
        high=format_gib(result.least_range[1]),
    )
    notes = tuple(say.sentence(told) for told in result.notes)
    return Report((table("", columns, rows),) if rows else (), notes, (say.sentence(lead),))


def _cut(line: TrainingDevice) -> str:
    names = {"zero": "ZeRO"}
    return ", ".join(f"{names.get(name, name.upper())} {value}" for name, value in line.layout.items() if value > 1)


def _called(line: TrainingDevice) -> str:
    return f"{line.count}x {line.id}" if line.count > 1 else line.id


def _some(others: tuple[str, ...]) -> str:
    more = len(others) - OTHERS
    return ", ".join(others[:OTHERS]) + (f" +{more}" if more > 0 else "")
