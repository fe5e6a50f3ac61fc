"""Whole processes in turn with the floor: seconds on the clock and seconds of processor, as ratios pair by pair.

A machine that slows down slows both of a pair. Seconds of processor (user and system, as the operating system
accounts them to the finished process) are what to compare where other programs run besides.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

FLOOR = """
import typer
from rich.console import Console
from rich.table import Table
app = typer.Typer()
@app.command()
def main(name: str = "7B", quant: str = "int4"):
    table = Table("name", "quant")
    table.add_row(name, quant)
    Console().print(table)
app()
"""
#: Byte code is kept, as it is where a program is installed.
ENVIRONMENT = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
LLMSCALE = str(Path(sys.executable).with_name("llmscale"))


class Cost(NamedTuple):
    """Of one process: seconds on the clock and of processor."""

    wall: float
    cpu: float


class Against(NamedTuple):
    """Medians over the pairs of a command and the floor; `spread` is least and most of the processor's ratios."""

    cpu: float
    wall: float
    spread: tuple[float, float]
    milliseconds: float


def cost(command: Sequence[str]) -> Cost:
    """Run one process to its end.

    Raises:
        RuntimeError: it failed.
    """
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=ENVIRONMENT)
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with status {process.returncode}")
    return Cost(wall, used.ru_utime + used.ru_stime)


def against(command: Sequence[str], floor: Sequence[str], pairs: int) -> Against:
    """`command` against `floor`, so many pairs after one of each that is not counted."""
    cost(command), cost(floor)
    found = [(cost(command), cost(floor)) for _ in range(pairs)]
    cpu = [ours.cpu / theirs.cpu for ours, theirs in found]
    wall = [ours.wall / theirs.wall for ours, theirs in found]
    return Against(median(cpu), median(wall), (min(cpu), max(cpu)), 1000 * median(ours.cpu for ours, _ in found))
