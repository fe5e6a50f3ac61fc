"""How the time of `fits` grows: with models, with formats, with devices."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.start.processes import LLMSCALE, against
from llmscale.store.tables import table

GROWN = str(Path(__file__).with_name("grown.py"))
TEN = "q8_0 q6_k q5_k_m q5_k_s q4_k_m q4_k_s q4_0 q3_k_m q2_k iq2_m"


class Case(NamedTuple):
    """One size of what grows, and the command that asks for it."""

    size: float
    command: Sequence[str]


def growth(floor: Sequence[str], pairs: int) -> None:
    """Measure and print: at each size the ratio to the floor, and what each further unit takes."""
    models = len(table("summaries"))
    by_models = [Case(models * share, _fits(share, 1, "rtx4090")) for share in (0.25, 0.5, 1, 2, 4)]
    formats = {"q4_k_m": 1, TEN: 10, "all": len(table("quants")["entries"])}
    by_formats = [Case(size, _fits(1, 1, "rtx4090", *_quants(names))) for names, size in formats.items()]
    by_devices = [Case(models * size, _fits(1, size)) for size in (1, 2, 4, 8)]
    by_count = [Case(size, [LLMSCALE, "needs", "llama-2-70b", "--max-count", str(size)]) for size in (1, 2, 4, 8)]
    print(f"\nGrowth. fits rtx4090 over parts and multiples of the {models} models that ship:")
    _show("models", by_models, floor, pairs)
    print(f"\nfits rtx4090 --quant ..., {models} models:")
    _show("formats", by_formats, floor, pairs)
    print(f"\nfits without a device, {models} models on each of 1, 2, 4, 8 memory sizes:")
    _show("answers", by_devices, floor, pairs)
    print("\nneeds llama-2-70b --max-count N, over all devices of the catalogue, alone and up to N together:")
    _show("together", by_count, floor, pairs)


def _fits(share: float, devices: int, *arguments: str) -> list[str]:
    return [sys.executable, GROWN, str(share), str(devices), "fits", *arguments]


def _quants(names: str) -> list[str]:
    return [word for name in names.split() for word in ("--quant", name)]


def _show(unit: str, cases: Sequence[Case], floor: Sequence[str], pairs: int) -> None:
    print(f"{unit:>8} {'processor':>9} {'clock':>6} {'ms':>6} {'ms per further one':>18}")
    before: tuple[float, float] | None = None
    for case in cases:
        found = against(case.command, floor, pairs)
        more = "" if before is None else f"{(found.milliseconds - before[1]) / (case.size - before[0]):.3f}"
        print(f"{case.size:8.0f} {found.cpu:9.2f} {found.wall:6.2f} {found.milliseconds:6.0f} {more:>18}", flush=True)
        before = case.size, found.milliseconds
