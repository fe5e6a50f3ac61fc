"""``python -m tests.branches COVERAGE.json``: the branches that the tests take, room by room; under 95 % it fails.

Rooms whose tests need an extra are in ``make test-extras`` and are shown, but not counted: without it nothing of them
can run.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

LEAST = 0.95
PACKAGE = "src/llmscale/"
#: What only a drawing library, a terminal or a server can run.
WITH_AN_EXTRA = ("tui/", "mcp/", "pictures/drawers/")


def main(path: str) -> int:
    """Print a line a room; 1 where all that are counted together lack too many."""
    taken: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    for name, file in json.loads(Path(path).read_text(encoding="utf-8"))["files"].items():
        inside = name.rpartition(PACKAGE)[2]
        room = next((room for room in WITH_AN_EXTRA if inside.startswith(room)), inside.partition("/")[0])
        taken[room] += len(file["executed_branches"])
        missed[room] += len(file["missing_branches"])
    for room in sorted(taken):
        if taken[room] + missed[room]:
            print(f"{_share(taken[room], missed[room]):7.1%}  {missed[room]:4} missed  {room}")
    counted = [room for room in taken if room not in WITH_AN_EXTRA]
    share = _share(sum(taken[room] for room in counted), sum(missed[room] for room in counted))
    print(f"{share:7.1%}  of all branches (at least {LEAST:.0%})")
    return int(share < LEAST)


def _share(taken: int, missed: int) -> float:
    return taken / (taken + missed)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
