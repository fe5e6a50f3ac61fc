"""A copy of the repository in which one file at a time is changed, and a process of its own for the tests of each.

The process is forked from this one, which has the libraries imported and nothing of llmscale. A changed file keeps the
time of its last change at first, so that the tables that ship stay those of the unchanged code: making them again takes
a minute. Only a mutant that no test has seen so is tried with tables of its own.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import rich.console
import typer.testing

from tests.mutants.operators import Mutant

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGE = Path("src", "llmscale")
#: What is not copied: environments, what was built, caches.
LEFT = shutil.ignore_patterns(".git", ".venv*", "build", "dist", ".*_cache", ".hypothesis", "htmlcov", ".coverage*")
#: Makes all tables.
TABLES = (
    "from llmscale.compile import registry; from llmscale.store import tables; [*map(tables.table, registry.tables())]"
)
#: Libraries that tests need, imported before the fork.
WARM = (hypothesis, rich.console, typer.testing)
#: Seconds of a processor after which a mutant hangs: so many, and so many times what its tests take; and how many times
#: longer by the clock, on a machine that has other work.
PATIENCE, SLOWER, BUSY = 6.0, 2.0, 30
#: What a process of tests ends with that has found nothing wrong, or no test.
UNSEEN = {int(pytest.ExitCode.OK), int(pytest.ExitCode.NO_TESTS_COLLECTED), int(pytest.ExitCode.USAGE_ERROR)}
HANGS = "hangs"


class Seen:
    """A plugin of pytest: the first test that fails, or the file that cannot be collected."""

    def __init__(self, to: Path) -> None:
        self.to = to

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._note(report.failed, report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._note(report.failed, report.nodeid)

    def _note(self, failed: bool, test: str) -> None:
        if failed:
            with self.to.open("a", encoding="utf-8") as file:
                file.write(test + "\n")


class Tree:
    """The copy, at `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.seen = root.with_suffix(".seen")

    def renew(self) -> None:
        """Copy what is there now, with the times of its last changes; and make the tables, so that no mutant does."""
        shutil.rmtree(self.root, ignore_errors=True)
        shutil.copytree(REPOSITORY, self.root, ignore=LEFT)
        environment = {**os.environ, "PYTHONPATH": str(self.root / "src")}
        subprocess.run([sys.executable, "-c", TABLES], cwd=self.root, env=environment, check=True)

    @contextlib.contextmanager
    def changed(self, mutant: Mutant, remade: bool) -> Iterator[None]:
        """The copy with the mutant in it; with `remade`, so that tables are made again."""
        path = self.root / PACKAGE / mutant.file
        good, stat = path.read_bytes(), path.stat()
        tables, kept = path.parents[len(Path(mutant.file).parts) - 1] / "_data", self.root.with_suffix(".tables")
        if remade:
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(tables, kept)
        self._write(path, mutant.applied(good), stat.st_mtime_ns + remade)
        try:
            yield
        finally:
            self._write(path, good, stat.st_mtime_ns)
            if remade:
                shutil.rmtree(tables)
                kept.rename(tables)

    def _write(self, path: Path, source: bytes, changed: int) -> None:
        """Without what Python has compiled of it, which only the time and the size would tell from the new."""
        for compiled in path.parent.glob(f"__pycache__/{path.stem}.*.pyc"):
            compiled.unlink()
        path.write_bytes(source)
        os.utime(path, ns=(changed, changed))

    def uses_tables(self, mutant: Mutant) -> bool:
        """Whether any table was made with the file, which its first line says."""
        for path in (self.root / PACKAGE / "_data").glob("*.jsonl"):
            with path.open(encoding="utf-8") as table:
                if mutant.file in json.loads(table.readline()).get("made_with", {}):
                    return True
        return False

    def failing(self, tests: list[str], seconds: float, first: bool = True) -> list[str]:
        """The tests that fail, of `tests`; no more than the `first` if so."""
        self.seen.unlink(missing_ok=True)
        limit = round(PATIENCE + SLOWER * seconds)
        context = multiprocessing.get_context("fork")
        process = context.Process(target=_run, args=(self.root, self.seen, tests, first, limit))
        process.start()
        process.join(BUSY * limit)
        if process.is_alive() and process.pid:
            os.killpg(process.pid, signal.SIGKILL)
            process.join()
        if process.exitcode in (-signal.SIGKILL, -signal.SIGXCPU):
            return [HANGS]
        if process.exitcode in UNSEEN:
            return []
        return self.seen.read_text(encoding="utf-8").splitlines() if self.seen.exists() else ["pytest"]


def _run(root: Path, seen: Path, tests: list[str], first: bool, limit: int) -> None:
    """Within the process: the tests of the copy, silently."""
    os.setsid()
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    for name in [name for name in sys.modules if name.split(".")[0] in ("tests", "llmscale", "benchmarks")]:
        del sys.modules[name]
    os.chdir(root)
    os.environ["PYTHONPATH"] = str(root / "src")
    here = {str(REPOSITORY), str(REPOSITORY / "src"), ""}
    sys.path[:] = [str(root), str(root / "src"), *(path for path in sys.path if path not in here)]
    how = ["-q", "-p", "no:xdist", "-p", "no:cov", "-p", "no:cacheprovider", *(["-x"] if first else [])]
    os._exit(int(pytest.main([*how, *tests], plugins=[Seen(seen)])))
