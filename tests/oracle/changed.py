"""``python -m tests.oracle.changed COVERAGE.json``: single-key changes that reach what no other test of a family does.

Of the files of `tests.oracle.changes` those are kept that go through a branch of `model/families` that the coverage
says is missing, each with the total of the class that transformers builds of it, or that it is refused. They are
recorded by type in `tests/truth/changed.json`, beside the file that each was made from, and asked again by
`tests/model/families/test_changed.py`.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Iterator
from math import prod
from pathlib import Path
from types import FrameType
from typing import Any

import transformers

from llmscale.errors import LlmscaleError
from llmscale.model.families import from_config, model_types
from llmscale.model.inventory import inventory
from tests.oracle.changes import Change, base_of, changes, classes_of, compared
from tests.oracle.real import real
from tests.oracle.record import TRUTH

RECORD = TRUTH / "changed.json"
FAMILIES = "llmscale/model/families/"
Branch = tuple[str, int, int]


def missing(coverage: Path) -> set[Branch]:
    """The branches of families that nobody took: file, line, and the line that it would have gone on to."""
    files = json.loads(coverage.read_text(encoding="utf-8"))["files"]
    return {
        (name.rpartition("/")[2], start, end)
        for name, file in files.items()
        if FAMILIES in name
        for start, end in file["missing_branches"]
    }


def taken(config: dict[str, Any]) -> tuple[set[Branch], int | None]:
    """The steps from line to line in families that a file leads to, and its parameters; None where it is refused."""
    steps: set[Branch] = set()
    last: dict[FrameType, int] = {}

    def follow(frame: FrameType, event: str, _: Any) -> Any:
        path = frame.f_code.co_filename
        if FAMILIES not in path:
            return None
        name = path.rpartition("/")[2]
        if event in ("line", "return") and frame in last:
            steps.add((name, last[frame], frame.f_lineno if event == "line" else 0))
        if event == "line":
            last[frame] = frame.f_lineno
        return follow

    sys.settrace(follow)
    try:
        return steps, inventory(from_config(config, "a file")).total()
    except LlmscaleError:
        return steps, None
    finally:
        sys.settrace(None)


def built(config: dict[str, Any]) -> int | None:
    """What the class has of it; None where it does not build it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = real(config)
    except Exception:
        return None
    return None if found is None else sum(map(prod, found.stored.values()))


def reaching(model_type: str, base: dict[str, Any], open_: set[Branch]) -> Iterator[tuple[Change, int | None]]:
    """Changes that take a branch of `open_`, which is taken out of it, with what stands for them."""
    read = {name for name, *_ in taken(base)[0]}
    for change in changes(model_type):
        if not any(name in read for name, *_ in open_):
            return
        steps, ours = taken(change.config)
        new = {one for one in open_ if one in steps or ((one[0], one[1], 0) in steps and one[2] <= 0)}
        if not new:
            continue
        theirs = built(change.config)
        if ours == theirs or ours is None:  # what the class does not build is refused; what it builds may be
            open_ -= new
            yield change, ours


def main(coverage: str) -> int:
    """Record them all."""
    transformers.logging.set_verbosity_error()
    open_ = missing(Path(coverage))
    found: dict[str, Any] = {}
    for model_type in model_types():
        if not compared(model_type) or not open_:
            continue
        base = base_of(model_type, classes_of(model_type))
        rows = [[change.name, change.config, total] for change, total in reaching(model_type, base, open_)]
        if rows:
            found[model_type] = {
                "base": base,
                "files": [[name, _apart(base, config), total] for name, config, total in rows],
            }
            print(model_type, len(rows), len(open_), flush=True)
        RECORD.write_text(_text(found), encoding="utf-8")
    return 0


def _apart(base: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    """The keys of `config` that are not those of `base`; None for one that is left out."""
    changed = {key: config[key] for key in config if key not in base or config[key] != base[key]}
    return {"changed": changed, "gone": [key for key in base if key not in config]}


def _text(found: dict[str, Any]) -> str:
    rows = ",\n".join(f"  {json.dumps(name)}: {json.dumps(found[name])}" for name in sorted(found))
    return f'{{"transformers": "{transformers.__version__}", "types": {{\n{rows}\n}}}}\n'


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
