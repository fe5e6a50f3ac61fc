"""FLOPs of a step as a table, the exact count beside the usual estimate."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.answers.results.train_flops import ReproduceResult, TrainCompute, TrainFlops
from llmscale.render.report import Cell, Column, Report, Table, table, word
from llmscale.render.words import Words


def flops_table(flops: TrainFlops, say: Words) -> Table:
    """See the module."""
    columns = [Column("flops", "FLOPs of a step", right=False), Column("value", "FLOP"), Column("share", "of 6ND")]
    rows = [
        [word(say(label)), Cell(value, f"{value:.4g}"), Cell(value / flops.six_nd, f"{value / flops.six_nd:.3f}")]
        for label, value in _lines(flops)
    ]
    return table(f"{say('FLOPs')}: {flops.micro_batch:,} x {flops.sequence:,} {say('tokens')}", columns, rows)


def _lines(flops: TrainFlops) -> Iterator[tuple[str, int]]:
    if flops.forward is not None and flops.backward is not None:
        yield "Forward", flops.forward
        yield "Backward", flops.backward
        if flops.recompute:
            yield "of it: recomputed", flops.recompute
        if flops.reference:
            yield "Reference, forward", flops.reference
        yield "Together", flops.forward + flops.backward + flops.reference
    yield "6 x parameters x tokens", flops.six_nd
    if flops.six_active_nd != flops.six_nd:
        yield "6 x active parameters x tokens", flops.six_active_nd


def compute_table(run: TrainCompute, say: Words) -> Table:
    """What a whole run takes, each with its range."""
    columns = [
        Column("what", "Run", right=False),
        Column("value", "Value"),
        Column("range", "Range", right=False, wraps=True),
    ]
    rows = [[word(say(label)), Cell(value, _short(value)), word(told)] for label, value, told in _run(run, say)]
    return table(f"{say.count(run.tokens)} {say('tokens')}, {run.count:,} x {run.device}", columns, rows)


def _run(run: TrainCompute, say: Words) -> Iterator[tuple[str, float, str]]:
    yield "FLOP", run.flops, ""
    yield "MFU", run.mfu, f"{_between(run.mfu_range)} {f'({run.mfu_from})' if run.mfu_from else ''}".strip()
    yield "Device-hours", run.device_hours, _between(run.device_hours_range)
    yield "Days", run.days, _between(run.days_range)
    if run.energy_kwh is not None and run.energy_kwh_range is not None:
        yield "Energy kWh", run.energy_kwh, _between(run.energy_kwh_range)
    if run.co2_kg is not None:
        yield "CO2 kg", run.co2_kg, ""
    if run.cost_usd is not None:
        money = run.cost_usd
        told = f"{say('to')} {_short(money.high)} ({_between((money.price_low, money.price_high))} $/h {money.date})"
        yield "Cost $, from", money.low, told


def _between(ends: tuple[float, float]) -> str:
    low, high = (_short(end) for end in ends)
    return low if low == high else f"{low} - {high}"


def _short(value: float) -> str:
    return f"{value:,.0f}" if 100 <= value < 1e9 else f"{value:.3g}"


def reproduce_view(result: ReproduceResult, say: Words) -> Report:
    """Published runs, ours and theirs."""
    columns = [
        Column("model", "Model", right=False, wraps=True),
        Column("device_hours", "Hours, ours"),
        Column("device_hours_published", "Theirs"),
        Column("device_hours_ratio", "Ratio"),
        Column("in_range", "In range", spare=1),
        Column("flops_ratio", "FLOP ratio"),
        Column("note", "Note", right=False, wraps=True, spare=2),
    ]
    rows = [
        [
            word(run.model),
            *(_or_dash(value) for value in (run.device_hours, run.device_hours_published, run.device_hours_ratio)),
            word("-" if run.in_range is None else say("yes" if run.in_range else "no")),
            _or_dash(run.flops_ratio),
            word(run.note),
        ]
        for run in result.runs
    ]
    said = (
        f"{say('Device-hours')}: {say('median error')} {result.median_error:.0%}, {say('in range')} {result.held:.0%}"
    )
    return Report(
        (table(say("Published runs"), columns, rows),), (said, *(say.sentence(told) for told in result.notes))
    )


def _or_dash(value: float | None) -> Cell:
    return Cell(value, "-" if value is None else f"{value:.2f}" if value < 10 else _short(value))
