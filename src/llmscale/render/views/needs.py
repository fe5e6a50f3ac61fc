"""``needs``: the devices that a model takes, smallest memory first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from llmscale.answers.results.needs import NeededDevice, NeedsResult
from llmscale.notes import Note, note
from llmscale.quantity import Basis
from llmscale.render.report import Cell, Column, Report, table, word
from llmscale.render.views.cells import gib, longest, loss_word, losses_told, pace
from llmscale.render.words import Words
from llmscale.units import format_gib

#: Others that are named beside the cheapest.
OTHERS = 3
MODELLED = Basis.MODELLED.value


def needs_view(result: NeedsResult, say: Words) -> Report:
    """See the module."""
    paced = any(line.tokens_per_second is not None for line in result.devices)
    kinds = len({line.kind for line in result.devices}) > 1
    priced = any(line.price_usd for line in result.devices)
    unknown = any(line.tokens_per_second is None for line in result.devices)
    speeds = note("needs_speed", batch=result.batch, unknown=unknown)
    in_part = note("in_ram", unknown=any(line.in_part and not line.tokens_per_second for line in result.devices))

    def told(found: Note | None) -> str:
        return say.sentence(found) if found else ""

    columns = [
        Column("memory_bytes", "Memory GiB", spare=1),
        Column("device", "Device", right=False, wraps=True),
        Column("kind", "Kind" if kinds else "", right=False, spare=2),
        Column("headroom_bytes", ""),
        Column("quant", "Quant", right=False),
        Column("loss", "Loss", right=False, note=told(losses_told(line.loss for line in result.devices))),
        Column("loss_percent", ""),
        Column("max_context", "Context"),
        Column("host_bytes", "RAM GiB" if any(line.in_part for line in result.devices) else "", note=told(in_part)),
        Column("tokens_per_second", "t/s" if paced else "", note=told(speeds)),
        Column("price_usd", "Price USD", note=told(note("launch_prices") if priced else None)),
        Column("power_w", "Power W", spare=3),
        Column("others", "Or" if any(line.others for line in result.devices) else "", right=False, wraps=True),
    ]
    rows = [_row(line, say, kinds, paced) for line in result.devices]
    notes = [say.sentence(told) for told in (*result.notes, *_below(result))]
    return Report((table("", columns, rows),) if rows else (), tuple(notes), (_headline(result, say),))


def _row(line: NeededDevice, say: Words, kinds: bool, paced: bool) -> list[Cell]:
    more = len(line.others) - OTHERS
    others = ", ".join(line.others[:OTHERS]) + (f" +{more}" if more > 0 else "")
    return [
        gib(line.memory_bytes),
        word(_called(line)),
        Cell(line.kind, say(line.kind) if kinds else ""),
        Cell(line.headroom_bytes, ""),
        Cell(line.quant, line.quant.upper(), "bold"),
        loss_word(line.loss, say),
        Cell(line.loss.percent if line.loss else None, ""),
        longest(line.max_context),
        gib(line.host_bytes, MODELLED) if line.in_part else Cell(line.host_bytes, ""),
        pace(line.tokens_per_second) if paced else Cell(None, ""),
        Cell(line.price_usd, "-" if line.price_usd is None else f"{line.price_usd:,.0f}"),
        Cell(line.power_w, "-" if line.power_w is None else f"{line.power_w:,.0f}"),
        Cell(", ".join(line.others), others),
    ]


def _called(line: NeededDevice) -> str:
    return f"{line.count}x {line.id}" if line.count > 1 else line.id


def _headline(result: NeedsResult, say: Words) -> str:
    """The answer as a sentence: the smallest that is enough, or that none is."""
    what = {"model": result.model.name, "context": result.context}
    if not result.devices:
        least = result.quants[-1].upper()
        return say.sentence(note("needs_none", quant=least, total=format_gib(result.total_bytes), **what))
    first = result.devices[0]
    whole = next((line for line in result.devices if not line.in_part), None) if first.in_part else None
    own = next((line for line in result.devices if line.quant == result.published), None)
    if own and own is not first and not first.in_part:
        kept = {"device": _called(own), "quant": own.quant.upper()}
        less = {"smaller": _called(first), "less": first.quant.upper()}
        return say.sentence(note("needs_published", **kept, **less, **what))
    said: dict[str, Any] = {"device": _called(first), "quant": first.quant.upper(), **what}
    said |= {"ram": format_gib(first.host_bytes) if first.in_part else "", "whole": _called(whole) if whole else ""}
    return say.sentence(note("needs_from", **said))


def _below(result: NeedsResult) -> Iterator[Note]:
    """What is not in the table."""
    if not result.devices:
        yield note("needs_more")
        return
    if result.hidden:
        yield note("needs_hidden", hidden=result.hidden)
