"""``fits``: what fits a device, best precision and longest context; or three memory sizes side by side."""

from __future__ import annotations

from llmscale.answers.results.fits import FitsOverview, FitsResult, FittingModel
from llmscale.devices.sets import counted as counted_device
from llmscale.fit.largest import LONGEST
from llmscale.quantity import Basis
from llmscale.render.report import Cell, Column, Report, Table, table, whole, word
from llmscale.render.views.cells import LOSS_NOTE, PACE_NOTE, answer, commands, counted, gib, loss, pace
from llmscale.render.words import Words, words
from llmscale.units import format_gib

MODELLED = Basis.MODELLED.value


def fits_view(result: FitsResult | FitsOverview, lang: str) -> Report:
    """See the module."""
    if isinstance(result, FitsOverview):
        return _overview(result, lang)
    return _one_device(result, lang)


def _one_device(result: FitsResult, lang: str) -> Report:
    say = words(lang)
    device = result.device
    name = counted_device(device.name, device.count)
    fitting = [line for line in result.models if line.fits]
    missing = [line for line in result.models if not line.fits]
    title = f"{say('Fit')}: {name}, {format_gib(device.usable_bytes)} of {format_gib(device.memory_bytes)} GiB usable"
    if result.choices:
        tables = [_choices(f"{result.models[0].id}: {title}", result, say)]
    else:
        tables = [_lines(title, fitting, lang, missing=False)]
    if missing and not result.choices:
        tables.append(_lines(say("Just miss"), missing, lang, missing=True))
    notes = (
        [_verdict(result)]
        if result.choices
        else [
            f"Each in the quant with the least loss that fits with a context of {result.context:,} tokens (or the "
            "model's own limit); max context is the longest that fits then. Total is what lies on the device."
        ]
    )
    notes += [LOSS_NOTE] if result.choices else [LOSS_NOTE, PACE_NOTE]
    notes += commands((f"{line.id}, {line.quant.upper()}", line.command_line) for line in result.models)
    if result.hidden:
        notes.append(f"{result.hidden} larger models are not shown (--all).")
    return Report(tuple(tables), tuple(notes))


def _verdict(result: FitsResult) -> str:
    """Which quant to take, in a sentence."""
    (line,) = result.models
    if not line.fits:
        lacking = format_gib(line.missing_bytes)
        return f"No quant of {line.id} fits: {line.quant.upper()}, the smallest, lacks ~{lacking} GiB."
    longest = "" if line.max_context is None else f", with a context of up to ~{line.max_context:,} tokens"
    return f"{line.quant.upper()} loses least of those that fit with {line.context:,} tokens{longest}."


def _choices(title: str, result: FitsResult, say: Words) -> Table:
    """One model's quants around the best that fits."""
    columns = [
        Column("quant", "Quant", right=False),
        Column("bits_per_weight", "Bits per weight"),
        Column("weights_bytes", "Weights GiB"),
        Column("total_bytes", "Total GiB"),
        Column("fits", "Fits"),
        Column("missing_bytes", "Missing GiB"),
        Column("max_context", "Max context"),
        Column("loss_percent", "Loss %"),
    ]
    basis = result.models[0].basis
    rows = [
        [
            Cell(line.quant, line.quant.upper(), "bold"),
            Cell(line.bits_per_weight, f"{line.bits_per_weight:.3g}"),
            gib(line.weights_bytes, basis),
            gib(line.total_bytes, MODELLED),
            answer(line.fits, line.fits, say),
            gib(line.missing_bytes, MODELLED) if line.missing_bytes else word(None),
            whole(line.max_context),
            loss(line.loss),
        ]
        for line in result.choices
    ]
    return table(title, columns, rows)


def longest(context: int | None) -> Cell:
    """A context; nothing bounds a recurrent model's."""
    return Cell(context, "any") if context is not None and context >= LONGEST else whole(context)


def _lines(title: str, lines: list[FittingModel], lang: str, missing: bool) -> Table:
    columns = [
        Column("model", "Model", right=False),
        Column("parameters", "Params"),
        Column("quant", "Quant", right=False),
        Column("total_bytes", "Total GiB"),
        Column("max_context", "Max context"),
        Column("missing_bytes", "Missing GiB"),
        Column("tokens_per_second", "" if missing else "t/s"),
        Column("loss_percent", "Loss %", spare=not missing),
    ]
    rows = [
        [
            word(line.id),
            counted(line.parameters, lang, line.basis),
            Cell(line.quant, line.quant.upper(), "bold"),
            gib(line.total_bytes, MODELLED),
            longest(line.max_context),
            gib(line.missing_bytes, MODELLED),
            Cell(None, "") if missing else pace(line.tokens_per_second),
            loss(line.loss),
        ]
        for line in lines
    ]
    # The column that says nothing here stays for CSV, where both tables are one.
    unsaid = 4 if missing else 5
    columns = [c if i != unsaid else Column(c.key, "", c.right) for i, c in enumerate(columns)]
    rows = [[c if i != unsaid else Cell(c.value, "") for i, c in enumerate(row)] for row in rows]
    return table(title, columns, rows)


def _overview(result: FitsOverview, lang: str) -> Report:
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
        rows.append([word(first.id), counted(first.parameters, lang, first.basis), *cells])
    note = (
        f"The quant with the least loss that fits with a context of {result.context:,} tokens; a card sold as 24 GB "
        f"holds 24 GiB, of which driver and display keep {format_gib(result.devices[0].device.reserve_bytes)} "
        "(--reserve). llmscale fits DEVICE tells more."
    )
    return Report((table("", columns, rows),), (note,))


def _quant(line: FittingModel | None) -> Cell:
    return word(None) if line is None else Cell(line.quant, line.quant.upper(), "green")
