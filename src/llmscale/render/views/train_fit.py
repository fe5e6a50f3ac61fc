"""Whether a step fits a card: the answer as a sentence, a bar of parts against the card, and what makes it fit."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.answers.results.train import TrainResult
from llmscale.answers.results.train_fit import TrainFit, TrainWay
from llmscale.notes import Note, note
from llmscale.render.report import Cell, Column, Table, table, word
from llmscale.render.views.cells import answer, gib
from llmscale.render.words import Words
from llmscale.runtimes.placed import OVERHEAD, WEIGHTS, Verdict
from llmscale.training.device import ACTIVATIONS, ERRORS, OPTIMIZER
from llmscale.units import format_gib

LABELS = {
    WEIGHTS: "Weights",
    OPTIMIZER: "Optimizer states",
    ACTIVATIONS: "Activations, gradients",
    OVERHEAD: "Context, allocator",
}
#: Characters of a bar as long as the card.
WIDTH = 32
MODELLED = "modelled"


def named_method(result: TrainResult) -> str:
    """``lora r16``; without a rank where the method has none."""
    return f"{result.method} r{result.rank}" if result.rank else result.method


def fit_sentence(result: TrainResult, found: TrainFit) -> Note:
    """The answer."""
    said = {
        "model": result.model.name,
        "method": named_method(result),
        "device": found.device,
        "sequence": result.sequence,
        "used": format_gib(found.used_bytes),
        "low": format_gib(found.used_range[0]),
        "high": format_gib(found.used_range[1]),
        "usable": format_gib(found.usable_bytes),
    }
    if found.methods:
        fitting = [way.flags for way in found.methods if way.fits == Verdict.YES.value]
        return note("train_methods", fitting=fitting, **said)
    first = next((way for way in found.changes if way.fits == Verdict.YES.value), None)
    if first:
        said["flags"], said["after"] = first.flags, format_gib(first.used_bytes)
    modelled = result.memory.total_bytes is not None
    return note("train_fit", fits=found.fits, changed=first is not None, modelled=modelled, **said)


def fit_tables(found: TrainFit, method: str, say: Words) -> Iterator[Table]:
    """The bar, and other ways."""
    yield _bar(found, method, say)
    if found.changes:
        yield _ways(say("What makes it smaller"), found.changes, say)
    if found.methods:
        yield _ways(say("Which ways fit"), found.methods, say)


def fit_notes(found: TrainFit) -> Iterator[Note]:
    """How to read it, and how far it reaches."""
    if found.max_micro_batch:
        yield note("train_reach", batch=found.max_micro_batch, sequence=found.max_sequence)
    yield note("train_on_top", median=ERRORS.median, held=ERRORS.held, rows=ERRORS.rows)


def _bar(found: TrainFit, method: str, say: Words) -> Table:
    columns = [
        Column("part", "Part", right=False),
        Column("bytes", "GiB"),
        Column("bar", "Of the card", right=False, spare=True),
    ]
    rows = [
        [
            word(say(LABELS[part.part])),
            gib(part.bytes, MODELLED if part.range[0] < part.range[1] else "exact", _spread(part.range)),
            Cell("", _blocks(part.bytes, found)),
        ]
        for part in found.parts
    ]
    used = gib(found.used_bytes, MODELLED, found.used_range)._replace(style="bold")
    rows.append([word(say("Together"), "bold"), used, Cell("", _blocks(found.used_bytes, found))])
    free = Cell("", _blocks(max(0, found.free_bytes), found, "░"))
    rows.append([word(say("Free")), gib(found.free_bytes, MODELLED), free])
    return table(f"{found.device}, {method}: {format_gib(found.usable_bytes)} GiB", columns, rows)


def _spread(ends: tuple[int, int]) -> tuple[int, int] | None:
    return ends if ends[0] < ends[1] else None


def _blocks(size: int, found: TrainFit, block: str = "█") -> str:
    """Against the card; what is longer than it ends in an arrow."""
    length = round(WIDTH * size / found.usable_bytes)
    return block * length if length <= WIDTH else f"{block * WIDTH}▶"


def _ways(title: str, ways: tuple[TrainWay, ...], say: Words) -> Table:
    columns = [
        Column("flags", "Options", right=False, wraps=True),
        Column("used_bytes", "GiB"),
        Column("saves_bytes", "Saves GiB"),
        Column("fits", "Fits", right=False),
    ]
    away = any(way.host_bytes for way in ways)
    if away:
        columns.append(Column("host_bytes", "Host GiB"))
    rows = [
        [
            word(way.flags),
            gib(way.used_bytes, MODELLED, way.used_range),
            gib(way.saves_bytes, MODELLED),
            answer(way.fits == Verdict.YES.value, way.fits == Verdict.MAYBE.value, say),
            *([gib(way.host_bytes, "exact") if way.host_bytes else word("")] if away else []),
        ]
        for way in ways
    ]
    return table(title, columns, rows)
