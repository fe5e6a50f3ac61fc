"""What became of each mutant, a line of JSON as soon as it is known; and the mutants that change no answer."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tests.mutants.operators import Mutant

EQUIVALENT = Path(__file__).with_name("equivalent.yaml")
KILLED, SURVIVED, UNCOVERED = "killed", "survived", "uncovered"


class Fate(NamedTuple):
    """What became of one mutant.

    Attributes:
        by: the test that saw it; empty where none did.
        tests: how many were run.
    """

    outcome: str
    by: str
    tests: int
    seconds: float


@cache
def equivalents() -> dict[tuple[str, str, str, str], str]:
    """Mutants that change no answer, by file, function, expression before and after; and why."""
    rows = yaml.safe_load(EQUIVALENT.read_text(encoding="utf-8")) or []
    return {(row["file"], row["within"], row["was"], row["now"]): row["because"] for row in rows}


def why_equivalent(mutant: Mutant) -> str:
    """Why the mutant changes no answer; empty where it may."""
    return equivalents().get((mutant.file, mutant.within, mutant.was, mutant.now), "")


class Record:
    """The lines of one sample of a room."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fates: dict[str, Fate] = {}
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                row: dict[str, Any] = json.loads(line)
                self.fates[row["key"]] = Fate(row["outcome"], row["by"], row["tests"], row["seconds"])

    def add(self, mutant: Mutant, fate: Fate) -> None:
        """The last line of a mutant counts."""
        self.fates[mutant.key] = fate
        with self.path.open("a", encoding="utf-8") as file:
            row = {"key": mutant.key, "within": mutant.within, **fate._asdict()}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
