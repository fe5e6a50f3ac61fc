"""``make measure``: every case that the device takes, each in its own process, each recorded as soon as it is done."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from benchmarks.measure import record
from benchmarks.measure.plan import Case, cases

OUT = Path(__file__).parents[2] / "tests" / "truth" / "measured_gpu.json"
NONE = "no CUDA device: nothing was measured"
#: Seconds that one case may take; building the largest takes most of it.
LONGEST = 1800


#: Asked in a process of its own: a CUDA context here would be in every reading of the device.
FREE = "import torch; print(torch.cuda.mem_get_info(0)[0] if torch.cuda.is_available() else '')"


def free_memory() -> int | None:
    """Bytes of the first CUDA device that nobody uses; None where there is none, or no torch to ask it."""
    told = subprocess.run([sys.executable, "-c", FREE], capture_output=True, text=True, check=False).stdout.strip()
    return int(told) if told else None


def measured(case: Case, device: str) -> dict[str, Any]:
    """The row of one case.

    Raises:
        RuntimeError: it failed, with the last that it said.
    """
    command = [sys.executable, "-m", "benchmarks.measure.case", json.dumps(case._asdict()), device]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST, check=False)
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"not done after {LONGEST} s") from None
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1])
    row: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return row


def measure(todo: Iterable[Case], out: Path, run: Callable[[Case], dict[str, Any]]) -> int:
    """Run and record each case; one that fails is said and costs no other. How many were recorded."""
    count = 0
    for case in todo:
        told = " ".join(map(str, case))
        try:
            row = run(case)
        except RuntimeError as error:
            print(f"{told}: failed: {error}", file=sys.stderr, flush=True)
            continue
        record.add(out, row)
        count += 1
        print(f"{told}: {_peak(row)}", flush=True)
    return count


def _peak(row: dict[str, Any]) -> str:
    found = row["readings"]["prefill"]
    size = found["peak_allocated"] or found["process"]
    return f"{(size or 0) / 2**30:.3f} GiB at most in prefill"


def main() -> None:
    """Measure what fits; without a CUDA device say so and do nothing else."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda", help="cpu: to try the road, with --out")
    parser.add_argument("--out", type=Path, default=OUT, help="where the rows go")
    parser.add_argument("--model", action="append", help="only these; may be repeated")
    parser.add_argument("--most", type=int, metavar="N", help="only the first N cases")
    given = parser.parse_args()
    free = free_memory() if given.device == "cuda" else 4 << 30
    if free is None:
        print(NONE)
        return
    if given.device == "cpu" and given.out == OUT:
        parser.error("what a CPU takes is no measurement of a GPU: name another file with --out")
    todo = [case for case in cases(free) if not given.model or case.model in given.model]
    count = measure(todo[: given.most], given.out, lambda case: measured(case, given.device))
    print(f"{count} of {len(todo[: given.most])} cases measured: {given.out}")


if __name__ == "__main__":
    main()
