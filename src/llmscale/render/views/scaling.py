"""``scaling`` as tables: each law at what was asked, its own optimum, what doubling brings."""

from __future__ import annotations

from llmscale.answers.results.scaling import LawLine, ScalingResult
from llmscale.render.report import Cell, Column, Report, Table, table, word
from llmscale.render.words import Words


def scaling_view(result: ScalingResult, say: Words) -> Report:
    """See the module."""
    tables = (
        _laws(result.name, result.asked, say),
        _laws(say("Best share of the same compute"), result.optimal, say),
        _changes(result, say),
    )
    return Report(tables, tuple(say.sentence(told) for told in result.notes))


def _laws(title: str, lines: tuple[LawLine, ...], say: Words) -> Table:
    columns = [
        Column("law", "Law", right=False, wraps=True),
        Column("parameters", "Parameters"),
        Column("tokens", "Tokens"),
        Column("tokens_per_parameter", "Tokens/param"),
        Column("flops", "FLOP"),
        Column("loss", "Loss"),
    ]
    rows = [
        [
            word(line.title),
            Cell(line.parameters, say.count(line.parameters)),
            Cell(line.tokens, say.count(line.tokens)),
            Cell(line.tokens_per_parameter, f"{line.tokens_per_parameter:.3g}"),
            Cell(line.flops, f"{line.flops:.3g}"),
            Cell(line.loss, f"{'' if line.in_range else '~'}{line.loss:.3f}"),
        ]
        for line in lines
    ]
    return table(title, columns, rows)


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
    return table(f"{say('What doubling brings')} ({result.asked[0].title})", columns, rows)
