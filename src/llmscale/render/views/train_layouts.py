"""Layouts over several devices: the fastest that fit, and what ruled out the next."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.answers.results.train import TrainResult
from llmscale.answers.results.train_layouts import LayoutSearch, TrainLayout
from llmscale.notes import Note, note
from llmscale.render.report import Cell, Column, Table, table, word
from llmscale.render.views.cells import answer, gib
from llmscale.render.views.train_fit import named_method
from llmscale.render.words import Words
from llmscale.runtimes.placed import Verdict
from llmscale.training.parallel.pace import ERRORS
from llmscale.units import format_gib

MODELLED = "modelled"


def layout_sentence(result: TrainResult, found: LayoutSearch) -> Note:
    """The answer."""
    first = result.layouts[0] if result.layouts else None
    return note(
        "train_layout",
        found=first is not None,
        model=result.model.name,
        method=named_method(result),
        devices=f"{found.count:,} x {found.device}",
        sequence=found.sequence,
        layout=_cut(first) if first else "",
        seconds=_short(first.step_seconds) if first else "",
        used=format_gib(first.used_bytes) if first else "",
        low=format_gib(first.used_range[0]) if first else "",
        high=format_gib(first.used_range[1]) if first else "",
        sure=bool(first and first.fits == Verdict.YES.value),
        usable=format_gib(found.usable_bytes),
        instead=found.instead,
    )


def layout_table(result: TrainResult, found: LayoutSearch, say: Words) -> Table:
    """The first ones."""
    columns = [
        Column("layout", "Layout", right=False, wraps=True),
        Column("used_bytes", "GiB"),
        Column("fits", "Fits", right=False),
        Column("step_seconds", "Step s"),
        Column("tokens_per_second", "Tokens/s", spare=1),
        Column("mfu", "MFU", spare=2),
    ]
    rows = [
        [
            word(_cut(each)),
            gib(each.used_bytes, MODELLED, each.used_range),
            answer(each.fits == Verdict.YES.value, each.fits == Verdict.MAYBE.value, say),
            Cell(each.step_seconds, f"~{_short(each.step_seconds)}"),
            Cell(each.tokens_per_second, f"~{each.tokens_per_second:,.3g}"),
            Cell(each.mfu, f"~{each.mfu:.2f}"),
        ]
        for each in result.layouts
    ]
    title = f"{found.count:,} x {found.device}, {say.count(found.global_batch)} {say('tokens')}"
    return table(title, columns, rows)


def layout_notes(result: TrainResult, found: LayoutSearch) -> Iterator[Note]:
    """What was looked at, what ruled the next one out, how far the first reaches."""
    if found.ruled_out:
        yield note(
            "layout_ruled_out",
            layout=_cut(found.ruled_out),
            seconds=_short(found.ruled_out.step_seconds),
            used=format_gib(found.ruled_out.used_bytes),
            lacks=format_gib(found.lacks_bytes),
        )
    if found.max_micro_batch:
        yield note("layout_reach", batch=found.max_micro_batch, sequence=found.max_sequence)
    yield note(
        "layouts_looked",
        looked=found.looked,
        fitting=found.fitting,
        rows=ERRORS.rows,
        median=ERRORS.median,
        node=found.node,
        network=found.network_gb_s,
    )


def _cut(each: TrainLayout) -> str:
    """``DP 8, TP 4, ZeRO 3, micro-batch 1``; what is 1 is left out."""
    parts = [f"DP {each.dp}"]
    parts += [
        f"{name} {value}"
        for name, value in (("TP", each.tp), ("PP", each.pp), ("VP", each.vp), ("CP", each.cp), ("EP", each.ep))
        if value > 1
    ]
    parts += [f"ZeRO {each.zero}"] if each.zero else []
    parts += [f"micro-batch {each.micro_batch} x {each.micro_batches}"]
    return ", ".join([*parts, "checkpointing"] if each.recompute else parts)


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
