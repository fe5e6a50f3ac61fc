"""``fits``: what fits a device, best precision and longest context; or three memory sizes side by side."""

from __future__ import annotations

from llmscale.answers.results.fits import FitsOverview, FitsResult, FittingModel
from llmscale.devices.sets import counted as counted_device
from llmscale.fit.largest import LONGEST
from llmscale.quantity import Basis
from llmscale.render.report import Cell, Column, Report, Table, table, whole, word
from llmscale.render.views.cells import LOSS_NOTE, PACE_NOTE, answer, commands, counted, gib, loss, pace
from llmscale.render.words import Words
from llmscale.runtimes.interface import WEIGHTS
from llmscale.units import format_gib

MODELLED = Basis.MODELLED.value


def fits_view(result: FitsResult | FitsOverview, say: Words) -> Report:
    """See the module."""
    if isinstance(result, FitsOverview):
        return _overview(result, say)
    return _one_device(result, say)


def _one_device(result: FitsResult, say: Words) -> Report:
    device = result.device
    name = counted_device(device.name, device.count)
    fitting = [line for line in result.models if line.fits]
    missing = [line for line in result.models if not line.fits]
    title = f"{say('Fit')}: {name}, {format_gib(device.usable_bytes)} of {format_gib(device.memory_bytes)} GiB usable"
    if result.choices:
        tables = [_choices(f"{result.models[0].id}: {title}", result, say)]
        notes = [_verdict(result), LOSS_NOTE]
    else:
        tables = [_lines(title, fitting, say)]
        notes = [
            f"Each in the quant with the least loss that fits with a context of {result.context:,} tokens (or the "
            "model's own limit); max context is the longest that fits then. Used and free are of the device.",
            LOSS_NOTE,
            PACE_NOTE,
        ]
        if missing:
            tables.append(_missing(say("Just miss"), missing, say))
    notes[:0] = [say.sentence(told) for told in result.notes]
    notes += commands((f"{line.id}, {line.quant.upper()}", line.command_line) for line in result.models)
    if result.hidden:
        notes.append(f"{result.hidden} more models are not shown (--all).")
    return Report(tuple(tables), tuple(notes))


def _verdict(result: FitsResult) -> str:
    """Which quant to take, in a sentence."""
    line = next(iter(result.models))
    if not line.fits:
        lacking = format_gib(line.missing_bytes)
        return f"No quant of {line.id} fits: {line.quant.upper()}, the smallest, lacks ~{lacking} GiB."
    longest = "" if line.max_context is None else f", with a context of up to ~{line.max_context:,} tokens"
    return f"{line.quant.upper()} loses least of those that fit with {line.context:,} tokens{longest}."


def _choices(title: str, result: FitsResult, say: Words) -> Table:
    """One model's quants around the best that fits; weights, used and free are of the devices."""
    columns = [
        Column("quant", "Quant", right=False),
        Column("bits_per_weight", "Bits per weight"),
        Column("weights_bytes", "Weights GiB"),
        Column("total_bytes", ""),
        Column("used_bytes", "Used GiB"),
        Column("free_bytes", "Free GiB"),
        Column("host_bytes", "RAM GiB" if any(line.host_bytes for line in result.choices) else "", spare=True),
        Column("fits", "Fits"),
        Column("missing_bytes", ""),
        Column("max_context", "Max context"),
        Column("loss_percent", "Loss %"),
    ]
    basis = next(iter(result.models)).basis
    rows = [
        [
            Cell(line.quant, line.quant.upper(), "bold"),
            Cell(line.bits_per_weight, f"{line.bits_per_weight:.3g}"),
            gib(line.parts.get(WEIGHTS, 0), basis),
            Cell(line.total_bytes, ""),
            gib(line.used_bytes, MODELLED),
            gib(line.free_bytes, MODELLED),
            gib(line.host_bytes, MODELLED) if line.host_bytes else Cell(line.host_bytes, ""),
            answer(line.fits, line.fits, say),
            Cell(line.missing_bytes, ""),
            whole(line.max_context),
            loss(line.loss),
        ]
        for line in result.choices
    ]
    return table(title, columns, rows)


def longest(context: int | None) -> Cell:
    """A context; nothing bounds a recurrent model's."""
    return Cell(context, "any") if context is not None and context >= LONGEST else whole(context)


def _lines(title: str, lines: list[FittingModel], say: Words) -> Table:
    """Models that fit."""
    columns = _columns(used_bytes="Used GiB", free_bytes="Free GiB", max_context="Max context", tokens_per_second="t/s")
    return table(title, columns, [_row(line, say, fits=True) for line in lines])


def _missing(title: str, lines: list[FittingModel], say: Words) -> Table:
    """Models that just do not; the same columns, of which CSV makes one table."""
    columns = _columns(used_bytes="Used GiB", missing_bytes="Missing GiB")
    return table(title, columns, [_row(line, say, fits=False) for line in lines])


def _columns(**titles: str) -> list[Column]:
    """All columns, with titles of those that are shown besides model and quant."""
    titles = {"model": "Model", "parameters": "Params", "quant": "Quant", "loss_percent": "Loss %", **titles}
    keys = (
        "model",
        "parameters",
        "quant",
        "total_bytes",
        "used_bytes",
        "free_bytes",
        "max_context",
        "missing_bytes",
        "tokens_per_second",
        "loss_percent",
    )
    words, spare = ("model", "quant"), ("tokens_per_second", "loss_percent")
    return [Column(key, titles.get(key, ""), key not in words, spare=key in spare) for key in keys]


def _row(line: FittingModel, say: Words, *, fits: bool) -> list[Cell]:
    return [
        word(line.id),
        counted(line.parameters, say, line.basis),
        Cell(line.quant, line.quant.upper(), "bold"),
        Cell(line.total_bytes, ""),
        gib(line.used_bytes, MODELLED),
        gib(line.free_bytes, MODELLED) if fits else Cell(line.free_bytes, ""),
        longest(line.max_context) if fits else Cell(line.max_context, ""),
        Cell(line.missing_bytes, "") if fits else gib(line.missing_bytes, MODELLED),
        pace(line.tokens_per_second) if fits else Cell(None, ""),
        loss(line.loss),
    ]


def _overview(result: FitsOverview, say: Words) -> Report:
    names = [column.device.name for column in result.devices]
    by_model: dict[str, dict[str, FittingModel]] = {}
    for column in result.devices:
        for line in column.models:
            if line.fits:
                by_model.setdefault(line.id, {})[column.device.id] = line
    columns = [Column("model", "Model", right=False), Column("parameters", "Params")]
    columns += [Column(column.device.id, name) for column, name in zip(result.devices, names, strict=True)]
    largest_first = sorted(by_model.values(), key=lambda found: -next(iter(found.values())).parameters)
    rows = []
    for found in largest_first:
        first = next(iter(found.values()))
        cells = [_quant(found.get(column.device.id)) for column in result.devices]
        rows.append([word(first.id), counted(first.parameters, say, first.basis), *cells])
    note = (
        f"The quant with the least loss that fits with a context of {result.context:,} tokens; a card sold as 24 GB "
        f"holds 24 GiB, of which driver and display keep {format_gib(result.devices[0].device.reserve_bytes)} "
        "(--reserve). llmscale fits DEVICE tells more."
    )
    return Report((table("", columns, rows),), (note,))


def _quant(line: FittingModel | None) -> Cell:
    return word(None) if line is None else Cell(line.quant, line.quant.upper(), "green")
