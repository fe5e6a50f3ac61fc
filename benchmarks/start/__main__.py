"""``make bench``: every command against the floor, and how `fits` grows with models, formats and devices."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.start.growth import growth
from benchmarks.start.own import catalogue_of
from benchmarks.start.processes import FLOOR, LLMSCALE, Against, against

#: Commands, and the most times the floor that each is meant to take; None where nobody said.
COMMANDS: tuple[tuple[str, float | None], ...] = (
    ("estimate 7B --quant int4", 0.9),
    ("estimate llama-3.1-8b", None),
    ("estimate llama-3.1-8b --gpu rtx4090 --quant q4_k_m", 1.2),
    ("params deepseek-v3", 0.8),
    ("compare gpt-3 llama-2-70b", None),
    ("fits rtx4090", 1.4),
    ("fits rtx4090 --quant all", 2.0),
    ("fits", None),
    ("needs llama-2-70b --quant int4", None),
    ("needs llama-2-70b", 1.5),
    ("models list llama", None),
    ("devices list rtx", None),
    ("quants", None),
)
#: The same with so many models of one's own, whose file has been read before.
OWN: tuple[tuple[int, str, float | None], ...] = (
    (500, "fits rtx4090", 3.0),
    (5000, "fits rtx4090", 6.0),
    (5000, "estimate own-4999", 2.0),
    (50_000, "estimate own-49999", 2.0),
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=15, help="pairs of processes for each figure")
    pairs = parser.parse_args().pairs
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "floor.py"
        path.write_text(FLOOR)
        floor = [sys.executable, str(path)]
        print(f"Whole processes, {pairs} pairs each: times the floor, a ten-line Typer + Rich program (medians).\n")
        print(f"{'command':52} {'processor':>9} {'(least-most)':>13} {'clock':>6} {'aim':>6}")
        for command, aim in COMMANDS:
            _show(command, against([LLMSCALE, *command.split()], floor, pairs), aim)
        for count, command, aim in OWN:
            own = catalogue_of(count, Path(folder))
            found = against([LLMSCALE, *command.split(), "--catalogue", str(own)], floor, pairs)
            _show(f"{command}, {count:,} own models", found, aim)
        growth(floor, pairs)


def _show(what: str, found: Against, aim: float | None) -> None:
    spread = f"({found.spread[0]:.2f}-{found.spread[1]:.2f})"
    told = "-" if aim is None else f"<= {aim:g}"
    print(f"{what:52} {found.cpu:9.2f} {spread:>13} {found.wall:6.2f} {told:>6}", flush=True)


if __name__ == "__main__":
    main()
