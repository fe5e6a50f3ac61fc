"""``serve-cost`` as a table: what a million tokens cost, rented and on one's own device."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.answers.results.serve_cost import ServeCostResult
from llmscale.notes import note
from llmscale.render.report import Cell, Column, Report, table, word
from llmscale.render.words import Words


def serve_cost_view(result: ServeCostResult, say: Words) -> Report:
    """See the module."""
    columns = [
        Column("way", "Device", right=False),
        Column("usd_per_hour_range", "$/h", span=True),
        Column("usd_per_million_output_range", "$/M out", span=True),
        Column("usd_per_million_input_range", "$/M in", span=True),
        Column("source", "Source", right=False, wraps=True),
    ]
    rows = [
        [
            word(say(cost.way)),
            *(Cell(ends, _between(ends)) for ends in (cost.usd_per_hour, cost.output, cost.input)),
            word(f"{cost.date} {cost.source}".strip()),
        ]
        for cost in result.costs
    ]
    title = f"{result.quant}, {_devices(result)}, {result.runtime}"
    notes = (*_facts(result, say), *(say.sentence(told) for told in result.notes))
    return Report((table(title, columns, rows),), notes, tuple(_answer(result, say)))


def _devices(result: ServeCostResult) -> str:
    return f"{result.count}x {result.device}" if result.count > 1 else result.device


def _answer(result: ServeCostResult, say: Words) -> Iterator[str]:
    """What a million tokens cost, the cheapest way first."""
    ways = sorted(result.costs, key=lambda cost: sum(cost.output))
    if ways:
        told = [[say(cost.way), _between(cost.output)] for cost in ways]
        yield say.sentence(note("serve_costs", model=result.model.name, device=_devices(result), ways=told))


def _facts(result: ServeCostResult, say: Words) -> Iterator[str]:
    low, high = result.tokens_per_second_range
    yield (
        f"{result.sequences} x {result.context:,} {say('tokens')} ({result.fits_sequences:,} {say('would fit')}) || "
        f"{result.tokens_per_second:,.0f} {say('t/s')} ({low:,.0f} - {high:,.0f})"
    )
    if result.energy_kwh_per_million is not None:
        yield f"{result.energy_kwh_per_million:.3g} kWh {say('a million tokens, at rated power')}"
    for label, tokens in (("rented", result.break_even_rent), ("an API", result.break_even_api)):
        if tokens is not None:
            yield f"{say('Your own is cheaper than')} {say(label)}: {tokens:,.0f} {say('tokens a day')}"


def _between(ends: tuple[float, float] | None) -> str:
    if ends is None:
        return "-"
    low, high = (f"{end:.3g}" for end in ends)
    return low if low == high else f"{low} - {high}"
