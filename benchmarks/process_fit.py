"""How large llama.cpp's process is on a CUDA device: the constants of `llmscale.runtimes.llama_cpp.process` from rows.

A line through what cards had lost before anything was loaded, by the threads that their chips hold: the one of least
absolute deviations, through the least that each card had lost, since a display that nobody mentions makes a row too
large and never too small. Rows of Windows, of devices that other programs were on, and of programs' tests instead of
logs are left out. The kernels are what whole
processes have besides, in the middle over the cards. `python -m benchmarks.process_fit` prints it and what each card is
off by when its rows are left out.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from itertools import combinations
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from llmscale.runtimes.llama_cpp.process import HOPPER, HOPPER_WORKSPACE, MIDDLE, WORKSPACE, Chip, chip, pool
from llmscale.units import MIB

ROWS = Path(__file__).parents[1] / "tests" / "truth" / "llamacpp_cuda_process.json"
#: Values that one token's widest multiplication reads where the model is not named: Llama 3.1 8B's.
TYPICAL = 14336
UBATCH = 512


class Constants(NamedTuple):
    """Bytes of a context, and for each thread of a chip."""

    base: float
    thread: float

    def context(self, of: Chip) -> float:
        """Bytes before anything is loaded."""
        return self.base + self.thread * of.threads


@cache
def rows() -> list[dict[str, Any]]:
    """All of them."""
    return json.loads(ROWS.read_text(encoding="utf-8"))["rows"]  # type: ignore[no-any-return]


def unfit(row: dict[str, Any]) -> str:
    """Why a row says nothing of a process alone; empty where it may."""
    if row.get("weak"):
        return str(row["note"])
    if row["os"] == "Windows":
        return "Windows keeps memory from a process"
    if row["others"] == "yes":
        return "other programs were on the device"
    if row["kind"] == "exit" and row["others"] == "unknown":
        return "whether something else was on the device is not told"
    return ""


def lost(row: dict[str, Any]) -> float:
    """Bytes of a context."""
    return MIB * float(row["process_mib"] if "process_mib" in row else row["total_mib"] - row["free_mib"])


def besides(row: dict[str, Any]) -> float:
    """Bytes of a whole process besides its buffers."""
    if row["kind"] == "exit":
        return MIB * float(row["unaccounted_mib"])
    return MIB * (row["process_mib"] - buffers(row))


def buffers(row: dict[str, Any]) -> float:
    """MiB of a process's buffers, as it printed them."""
    return float(row["model_mib"] + row["context_mib"] + row["compute_mib"])


def contexts() -> list[dict[str, Any]]:
    """Rows that the line is drawn through."""
    return [row for row in rows() if row["kind"] == "context" and not unfit(row)]


def wholes() -> list[dict[str, Any]]:
    """Whole processes on a card that is named."""
    return [row for row in rows() if row["kind"] != "context" and not unfit(row) and row["device"]]


def fit(points: Sequence[tuple[float, float]]) -> Constants:
    """The line of least absolute deviations through (threads, bytes); it passes through two of them."""
    best = (float("inf"), Constants(0, 0))
    for (x, y), (other_x, other_y) in combinations(sorted(set(points)), 2):
        if x != other_x:
            thread = (other_y - y) / (other_x - x)
            line = Constants(y - thread * x, thread)
            best = min(best, (sum(abs(line.base + line.thread * at - size) for at, size in points), line))
    return best[1]


def fitted(without: str = "") -> Constants:
    """The constants, from all rows but those of one card."""
    least: dict[str, float] = {}
    for row in contexts():
        if row["device"] != without:
            least[row["device"]] = min(lost(row), least.get(row["device"], lost(row)))
    return fit([(chip(device).threads, size) for device, size in least.items()])


def temporaries(row: dict[str, Any]) -> float:
    """Bytes of cuBLAS's workspace and of the pool."""
    its = chip(row["device"]) if row["device"] else MIDDLE
    work = HOPPER_WORKSPACE if its.capability >= HOPPER else WORKSPACE
    return work + pool(row.get("activations", TYPICAL), row.get("tokens", UBATCH))


def kernels(line: Constants, without: str = "") -> float:
    """What is left of whole processes: in the middle of each card's rows, and of the cards."""
    left: dict[str, list[float]] = {}
    for row in wholes():
        if row["device"] != without:
            rest = besides(row) - line.context(chip(row["device"])) - temporaries(row)
            left.setdefault(row["device"], []).append(rest)
    return median(median(values) for values in left.values())


def main() -> None:
    line = fitted()
    print(
        f"context {line.base / MIB:.1f} MiB + {line.thread:,.0f} bytes a thread, kernels {kernels(line) / MIB:.1f} MiB"
    )
    for row in contexts():
        told = fitted(row["device"]).context(chip(row["device"]))
        print(f"  {row['device']:20} {lost(row) / MIB:6.0f} MiB, left out {told / MIB:6.0f}")


if __name__ == "__main__":
    main()
