"""Which tests run which line, and how long each takes: recorded by one run of the suite, renewed when it is stale.

Where tests alone have changed, only their files run again.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

from coverage import CoverageData

from tests.mutants.operators import Mutant

#: Tests of the room itself come before others that are up to so many times quicker.
HOME = 10
#: How the suite is run for the record.
RECORDING = (
    *("-q", "-n", "2", "--dist", "loadfile", "-p", "tests.mutants.seconds"),
    *("--cov", "--cov-context=test", "--cov-report="),
)


def digests(tree: Path) -> dict[str, str]:
    """What the record depends on: the code, the tests, the facts."""
    paths = [path for top in ("src", "tests") for path in (tree / top).rglob("*.py") if path.parent.name != "mutants"]
    paths += [path for path in (tree / "data").rglob("*") if path.is_file()]
    return {path.relative_to(tree).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(paths)}


def is_test(path: str) -> bool:
    return path.startswith("tests/") and path.rsplit("/", 1)[-1].startswith("test_")


class Covered:
    """The record in the folder `kept` of the tests in `tree`."""

    def __init__(self, tree: Path, kept: Path) -> None:
        self.tree = tree
        self.lines, self.known = kept / "coverage.sqlite", kept / "covered.json"

    def renew(self) -> None:
        """Run what has no record, or an old one."""
        now, old = digests(self.tree), self.record["files"]
        changed = {path for path in now.keys() | old.keys() if now.get(path) != old.get(path)}
        if not changed and self.lines.exists():
            return
        only_tests = self.lines.exists() and all(is_test(path) for path in changed)
        files = sorted(changed & now.keys()) if only_tests else []
        seconds = {}
        if only_tests:
            seconds = {
                test: took for test, took in self.record["seconds"].items() if test.split("::")[0] not in changed
            }
        if files or not only_tests:
            seconds |= self._run(files)
        self.record = {"files": now, "seconds": seconds}
        self.known.write_text(json.dumps(self.record), encoding="utf-8")

    @cached_property
    def record(self) -> dict[str, Any]:
        """The files that it was made with, and the seconds of each test that passed."""
        if not self.known.exists():
            return {"files": {}, "seconds": {}}
        found: dict[str, Any] = json.loads(self.known.read_text(encoding="utf-8"))
        return found

    def _run(self, files: list[str]) -> dict[str, float]:
        """The seconds of the tests of `files`, of all where none are named; their lines go into the record."""
        print(
            f"which tests run which lines: {', '.join(files) or 'the whole suite once, which takes minutes'} …",
            flush=True,
        )
        took = self.known.with_suffix(".new")
        took.unlink(missing_ok=True)
        named = ["--cov-append", *files] if files else []
        environment = {"PYTHONPATH": str(self.tree / "src"), "COVERAGE_FILE": str(self.lines), "SECONDS_TO": str(took)}
        subprocess.run(
            [sys.executable, "-m", "pytest", *RECORDING, *named],
            cwd=self.tree,
            env={**os.environ, **environment},
            stdout=subprocess.DEVNULL,
            check=False,  # a test that fails here is not asked about mutants
        )
        seconds: dict[str, float] = json.loads(took.read_text(encoding="utf-8"))
        took.unlink()
        return seconds

    @cached_property
    def _data(self) -> tuple[CoverageData, dict[str, str]]:
        """The lines, and the name that each file of the package has in them."""
        data = CoverageData(basename=str(self.lines))
        data.read()
        return data, {path.replace(os.sep, "/").rpartition("/llmscale/")[2]: path for path in data.measured_files()}

    def contexts(self, file: str) -> dict[int, list[str]]:
        """The tests that ran each line of a file of the package, and when."""
        data, names = self._data
        return data.contexts_by_lineno(names[file]) if file in names else {}

    def tests_of(self, mutant: Mutant, room: str) -> list[str]:
        """The tests that run its line; where it has none of its own, those that run its statement above it."""
        by_line = self.contexts(mutant.file)
        for lines in ([mutant.line], range(mutant.first, mutant.line)):
            if tests := self._passing(context for line in lines for context in by_line.get(line, ())):
                return self._in_order(tests, room)
        return []

    def _in_order(self, tests: set[str], room: str) -> list[str]:
        """The quick ones first, but of each function one before any has a second: its parameters ask much the same."""
        by_cost = sorted(tests, key=lambda test: self._cost(test, room))
        before: Counter[str] = Counter()
        turns: dict[str, int] = {}
        for test in by_cost:
            function = test.partition("[")[0]
            turns[test] = before[function]
            before[function] += 1
        return sorted(by_cost, key=turns.__getitem__)

    def _passing(self, contexts: Iterable[str]) -> set[str]:
        known: dict[str, float] = self.record["seconds"]
        return {context.rpartition("|")[0] for context in contexts} & known.keys()

    def _cost(self, test: str, room: str) -> tuple[float, str]:
        took: float = self.record["seconds"][test]
        return (took / HOME if test.startswith(f"tests/{room}/") else took), test

    def within(self, tests: list[str], bound: float) -> list[str]:
        """As many of `tests`, from the first, as take `bound` seconds; one at least."""
        total = 0.0
        taken: list[str] = []
        for test in tests:
            total += self.record["seconds"][test]
            if taken and total > bound:
                break
            taken.append(test)
        return taken

    def seconds(self, tests: list[str]) -> float:
        """What they take together."""
        return float(sum(self.record["seconds"][test] for test in tests))
