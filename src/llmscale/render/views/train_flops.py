"""FLOPs of a step as a table, the exact count beside the usual estimate."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.answers.results.train_flops import TrainFlops
from llmscale.render.report import Cell, Column, Table, table, word
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
        yield "Together", flops.forward + flops.backward
    yield "6 x parameters x tokens", flops.six_nd
    if flops.six_active_nd != flops.six_nd:
        yield "6 x active parameters x tokens", flops.six_active_nd
