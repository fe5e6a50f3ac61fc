"""``needs --users``: the devices that serve many users fast enough, cheapest first."""

from __future__ import annotations

from llmscale.answers.results.needs_load import NeedsLoadResult, ServingDevices
from llmscale.notes import Note, note
from llmscale.render.report import Cell, Column, Report, table, word
from llmscale.render.views.cells import delay, delay_range, loss_word, pace, pace_range
from llmscale.render.words import Words


def needs_load_view(result: NeedsLoadResult, say: Words) -> Report:
    """See the module."""
    lines = result.devices or ((result.nearest,) if result.nearest else ())
    rented = any(line.usd_per_hour for line in lines)
    columns = [
        Column("device", "Device", right=False, wraps=True),
        Column("layout", "Layout", right=False),
        Column("quant", "Quant", right=False),
        Column("loss", "Loss", right=False, spare=True),
        Column("first_token_seconds", "First token"),
        Column("first_token_seconds_range", "95 in 100", spare=True, span=True),
        Column("token_seconds", "Per token"),
        Column("token_seconds_range", "95 in 100", spare=True, span=True),
        Column("tokens_per_second", "t/s"),
        Column("tokens_per_second_range", "95 in 100", spare=True, span=True),
        Column("running", "At once", spare=True),
        Column("usd_per_hour", "USD/h" if rented else ""),
        Column("price_usd", "Price USD", spare=True),
    ]
    rows = [_row(line, say) for line in lines]
    notes = tuple(say.sentence(told) for told in (*result.notes, *_below(result, rented)))
    return Report((table("", columns, rows),) if rows else (), notes, (say.sentence(_headline(result)),))


def _row(line: ServingDevices, say: Words) -> list[Cell]:
    load, rent = line.under_load, line.usd_per_hour
    return [
        word(called(line)),
        Cell(layout(line), layout(line)),
        Cell(line.quant, line.quant.upper(), "bold"),
        loss_word(line.loss, say),
        delay(load.first_token_seconds),
        delay_range(load.first_token_seconds_range),
        delay(load.token_seconds),
        delay_range(load.token_seconds_range),
        pace(load.tokens_per_second),
        pace_range(load.tokens_per_second_range),
        Cell(load.running, f"{load.running:,}"),
        Cell(rent, f"{rent[0]:.2f}\u2013{rent[1]:.2f}" if rent else "-"),
        Cell(line.price_usd, "-" if line.price_usd is None else f"{line.price_usd:,.0f}"),
    ]


def called(line: ServingDevices) -> str:
    """``2x rtx3090``."""
    return f"{line.count}x {line.id}" if line.count > 1 else line.id


def layout(line: ServingDevices) -> str:
    """``TP 4``, and how many servers of that."""
    return f"{line.replicas} x TP {line.tensor_parallel}" if line.replicas > 1 else f"TP {line.tensor_parallel}"


def _headline(result: NeedsLoadResult) -> Note:
    first = result.devices[0] if result.devices else result.nearest
    values = {
        "model": result.model.name,
        "users": result.users,
        "prompt": result.prompt_tokens,
        "answer": result.answer_tokens,
        "ttft": result.ttft,
        "tpot": result.tpot,
        "device": called(first) if first else "",
        "layout": layout(first) if first else "",
        "quant": first.quant.upper() if first else "",
    }
    return note("needs_load", **values) if result.devices else note("needs_load_none", **values)


def _below(result: NeedsLoadResult, rented: bool) -> list[Note]:
    found = []
    if rented:
        found.append(note("load_rents"))
    if any(line.under_load.surely_meets is False and line.under_load.meets for line in result.devices):
        found.append(note("load_perhaps"))
    if result.more:
        found.append(note("load_more"))
    return found
