"""The regression of prefill speed, of rows with the seconds that their passes over the weights take."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from speed_fit.regression import FACTOR_ROWS, corrections, evened, lad, shared_formats
from speed_fit.rows import Row

#: Besides the compute factor of each format.
FILL = ("experts", "attention", "attention_no_flash", "scan")
#: llama.cpp multiplies quantised weights in INT8, at twice the FP16 rate of the datasheets.
INT8 = 0.5
BOUNDS = {"experts": INT8, "attention": 1.0, "attention_no_flash": 1.0, "scan": 0.0}

#: Attention of a smaller share of the FLOPs with weights does not show.
SHOWS = 0.05

Read = tuple[Row, float]


class PrefillLaw(NamedTuple):
    """Compute factors by format, that of attention, and corrections by device."""

    formats: dict[str, str]
    columns: tuple[str, ...]
    theta: tuple[float, ...]
    devices: dict[str, tuple[float, int]]


def fit_prefill(sample: Sequence[Read], pooled: PrefillLaw | None) -> PrefillLaw:
    """Like `fit`, of rows with the seconds that their passes over the weights take."""
    rows_ = [row for row, _ in sample]
    formats = shared_formats(rows_)
    told = {
        "experts": sum(row.prompt_flops.experts > 0 for row in rows_),
        "scan": sum(row.load.state_bytes > 0 for row in rows_),
        "attention": sum(row.flash and _attends(row) for row in rows_),
        "attention_no_flash": sum(not row.flash and _attends(row) for row in rows_),
    }
    base = dict(zip(pooled.columns, pooled.theta, strict=True)) if pooled else BOUNDS
    shared = {name: base[name] for name, number in told.items() if number < FACTOR_ROWS}
    columns = (*sorted({f"compute.{to}" for to in formats.values()}), *(name for name in FILL if name not in shared))
    table = [_prefill_terms(row, columns, formats) for row, _ in sample]
    fixed = [
        read + sum(x * f for x, f in zip(_prefill_terms(row, tuple(shared), formats), shared.values(), strict=True))
        for row, read in sample
    ]
    times = [row.prompt / row.prefill for row in rows_]
    theta = lad(table, fixed, times, [BOUNDS.get(name, INT8) for name in columns], evened(rows_))
    law = PrefillLaw(formats, (*columns, *shared), (*theta, *shared.values()), {})
    return law._replace(devices=corrections((row.device, error) for row, error in prefill_errors(law, sample, False)))


def _attends(row: Row) -> bool:
    """Whether attention is enough of the prompt's FLOPs to show."""
    return row.prompt_flops.attention > SHOWS * row.prompt_flops.weights


def _prefill_terms(row: Row, columns: Sequence[str], formats: dict[str, str]) -> list[float]:
    own = f"compute.{formats.get(row.format, next(iter(formats.values())))}"
    flops = row.prompt_flops
    attention = "attention" if row.flash else "attention_no_flash"
    ideal_of = {own: flops.weights / row.flops, "experts": flops.experts / row.flops}
    ideal_of[attention] = flops.attention / row.flops
    ideal_of["scan"] = row.prompt * row.load.state_bytes / row.bandwidth
    return [ideal_of.get(column, 0.0) for column in columns]


def prefill_errors(law: PrefillLaw, sample: Iterable[Read], known: bool = True) -> list[tuple[Row, float]]:
    """Each row with log(measured / predicted prefill tokens per second)."""
    found = []
    for row, read in sample:
        computing = sum(x * f for x, f in zip(_prefill_terms(row, law.columns, law.formats), law.theta, strict=True))
        correction = law.devices.get(row.device, (1.0, 0))[0] if known else 1.0
        least = INT8 * sum(row.prompt_flops) / row.flops
        found.append((row, math.log(row.prefill / row.prompt * (read + max(computing * correction, least)))))
    return found
