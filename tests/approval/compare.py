"""``python -m tests.approval.compare OLD NEW``: every figure that moved between two records, by key."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

#: Examples that are printed of each key.
SHOWN = 4


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value with where it stands."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from leaves(part, f"{path}.{key}")
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from leaves(part, f"{path}[{number}]")
    else:
        yield path, value


def main() -> None:
    """Compare."""
    old, new = map(Path, sys.argv[1:3])
    moved: dict[str, list[str]] = defaultdict(list)
    differing, files = set(), sorted(path.name for path in old.iterdir())
    for file in files:
        before = dict(leaves(json.loads((old / file).read_text(encoding="utf-8"))))
        after = dict(leaves(json.loads((new / file).read_text(encoding="utf-8")))) if (new / file).exists() else {}
        for path in sorted(before.keys() | after.keys()):
            was, now = before.get(path, "(absent)"), after.get(path, "(absent)")
            if was != now:
                kind = "".join(letter for letter in path if not letter.isdigit())
                sort = " + " if was == "(absent)" else " - " if now == "(absent)" else "   "
                moved[sort + kind].append(f"{file[:-5]} {path}: {was!r} -> {now!r}")
                differing.add(file)
    for kind, examples in sorted(moved.items(), key=lambda pair: -len(pair[1])):
        print(f"{len(examples):6}{kind}")
        step = max(1, len(examples) // SHOWN)
        for example in examples[::step][:SHOWN]:
            print(f"             {example[:230]}")
    print(f"{len(differing)} of {len(files)} answers differ")


if __name__ == "__main__":
    main()
