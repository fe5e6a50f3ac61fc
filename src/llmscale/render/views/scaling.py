"""``scaling`` as tables: each law at what was asked, its own optimum, what doubling brings."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.answers.results.scaling import LawLine, ScalingResult
from llmscale.notes import Note, note
from llmscale.render.report import Cell, Column, Report, Table, table, word
from llmscale.render.words import Words


def scaling_view(result: ScalingResult, say: Words) -> Report:
    """See the module."""
    tables = [
        _laws("", result.asked, say),
        _laws(say("Best share of the same compute"), result.optimal, say),
        _changes(result, say),
    ]
    if result.trained:
        tables.append(_trained(result, say))
    notes = (*_facts(result, say), *(say.sentence(told) for told in result.notes))
    return Report(tuple(tables), notes, (say.sentence(_answer(result, say)),))


def _answer(result: ScalingResult, say: Words) -> Note:
    """What the first law says of what was asked, and of the best share of the same compute."""
    asked, best = result.asked[0], result.optimal[0]
    return note(
        "scaling_says",
        name="" if result.name.replace(",", "").isdecimal() else result.name,
        law=say(asked.title),
        parameters=say.count(asked.parameters),
        tokens=say.count(asked.tokens),
        loss=_told(asked),
        best_parameters=say.count(best.parameters),
        best_tokens=say.count(best.tokens),
        best_loss=_told(best),
    )


def _told(line: LawLine) -> str:
    return "" if line.loss is None else f"{'' if line.in_range else '~'}{line.loss:.3f}"


def _facts(result: ScalingResult, say: Words) -> Iterator[str]:
    if result.budget:
        bought = result.budget
        low, high = bought.flops_range
        yield (
            f"${bought.usd:,.0f} || {bought.device}: {bought.flops:.3g} FLOP ({low:.3g} - {high:.3g}) || "
            f"{bought.price_range[0]:g} - {bought.price_range[1]:g} $/h, {bought.date} || "
            f"MFU {bought.mfu_range[0]:.2f} - {bought.mfu_range[1]:.2f}"
        )
    if result.serving:
        best = result.serving
        yield (
            f"{say('Least compute with')} {say.count(best.served_tokens)} {say('tokens served')}: "
            f"{say.count(best.parameters)}, {say.count(best.tokens)} {say('tokens')} (-{best.saved_percent:.1f} %)"
        )
    yield f"{say('The next 0.01 of loss costs as much as all before at')} {result.turning_point_flops:.2g} FLOP"


def _trained(result: ScalingResult, say: Words) -> Table:
    columns = [
        Column("id", "Model", right=False),
        Column("parameters", "Active"),
        Column("tokens", "Tokens"),
        Column("tokens_per_parameter", "Tokens/param"),
        Column("over_training", "x optimum"),
    ]
    rows = [
        [
            word(line.id),
            Cell(line.parameters, say.count(line.parameters)),
            Cell(line.tokens, say.count(line.tokens)),
            Cell(line.tokens_per_parameter, _ratio(line.tokens_per_parameter)),
            Cell(line.over_training, _ratio(line.over_training)),
        ]
        for line in result.trained
    ]
    return table(say("How long models were trained"), columns, rows)


def _ratio(value: float) -> str:
    """Three digits, and all that stand before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _laws(title: str, lines: tuple[LawLine, ...], say: Words) -> Table:
    columns = [
        Column("law", "Law", right=False, wraps=True),
        Column("parameters", "Parameters"),
        Column("tokens", "Tokens"),
        Column("tokens_per_parameter", "Tokens/param"),
        Column("flops", "FLOP", spare=1),
        Column("loss", "Loss"),
    ]
    rows = [
        [
            word(say(line.title)),
            Cell(line.parameters, ("" if line.in_range or line.loss is not None else "~") + say.count(line.parameters)),
            Cell(line.tokens, say.count(line.tokens)),
            Cell(line.tokens_per_parameter, _ratio(line.tokens_per_parameter)),
            Cell(line.flops, f"{line.flops:.3g}"),
            _loss(line),
        ]
        for line in lines
    ]
    return table(title, columns, rows)


def _loss(line: LawLine) -> Cell:
    return Cell(line.loss, _told(line) or "-")


def _changes(result: ScalingResult, say: Words) -> Table:
    columns = [
        Column("change", "Change", right=False),
        Column("flops", "FLOP"),
        Column("loss", "Loss"),
        Column("reducible_percent", "Of the reducible %"),
    ]
    rows = [
        [
            word(say(line.change)),
            Cell(line.flops, f"{line.flops:.3g}"),
            Cell(line.loss, f"{'' if line.in_range else '~'}{line.loss:.3f}"),
            Cell(line.reducible_percent, f"{line.reducible_percent:.1f}"),
        ]
        for line in result.changes
    ]
    return table(f"{say('What doubling brings')} ({say(result.asked[0].title)})", columns, rows)
