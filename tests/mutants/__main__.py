"""Changes a sample of each room's source and asks the tests: `make mutants ROOMS="fit answers" COUNT=60 SEED=1`.

What is known already of the same sample is not asked again, so that a run that was stopped goes on. After new tests,
`AGAIN=1` asks again about what has survived. Printed are the killed of those tried, in each room, and the survivors.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Container
from pathlib import Path

from tests.mutants.covered import Covered
from tests.mutants.operators import Mutant, mutants
from tests.mutants.record import KILLED, SURVIVED, UNCOVERED, Fate, Record, why_equivalent
from tests.mutants.tree import HANGS, PACKAGE, REPOSITORY, Tree

BUILT = REPOSITORY / "build" / "mutants"
#: Rooms that are asked about where none are named, and what of a room is not.
CORE = ("fit", "model", "formats", "runtimes", "answers")
WITHOUT = {"model": ("model/families/",)}
#: How many tests are run before the next are: most mutants fall to the first.
BATCHES = (12, 60, 10_000)


def pool(room: str) -> list[Mutant]:
    """Every mutant of a room."""
    package = REPOSITORY / PACKAGE
    files = sorted(path.relative_to(package).as_posix() for path in (package / room).rglob("*.py"))
    asked = [file for file in files if not file.startswith(WITHOUT.get(room, ("-",)))]
    return [mutant for file in asked for mutant in mutants(file, (package / file).read_bytes())]


def sample(room: str, count: int, seed: int, apart_from: Container[str] = ()) -> list[Mutant]:
    """As many of them, by chance; the same for the same source and seed, and a larger sample holds a smaller one."""
    every = pool(room)
    random.Random(seed).shuffle(every)
    return [mutant for mutant in every if mutant.key not in apart_from][:count]


class Trial:
    """Mutants of a room, against its tests.

    Attributes:
        bound: seconds of tests that one mutant is given.
        tables: whether what survives is tried with tables made again.
        unfit: tests that fail in the copy without any change.
    """

    def __init__(self, room: str, tree: Tree, covered: Covered, bound: float, tables: bool) -> None:
        self.room, self.tree, self.covered, self.bound, self.tables = room, tree, covered, bound, tables
        self.unfit: set[str] = set()

    def fate(self, mutant: Mutant) -> Fate:
        """What becomes of it."""
        started = time.monotonic()
        tests = [test for test in self.covered.tests_of(mutant, self.room) if test not in self.unfit]
        if not tests:
            return Fate(UNCOVERED, "", 0, 0.0)
        tests = self.covered.within(tests, self.bound)
        by = self._seen_by(mutant, tests, remade=False)
        if not by and self.tables and self.tree.uses_tables(mutant):
            by = self._seen_by(mutant, tests, remade=True)
        return Fate(KILLED if by else SURVIVED, by, len(tests), round(time.monotonic() - started, 1))

    def _seen_by(self, mutant: Mutant, tests: list[str], remade: bool) -> str:
        """The first test that fails; empty where none does."""
        with self.tree.changed(mutant, remade):
            for size in BATCHES:
                batch, tests = tests[:size], tests[size:]
                if batch and (failing := self.tree.failing(batch, self.covered.seconds(batch))):
                    return failing[0]
        return ""

    def run(self, asked: list[Mutant], record: Record, again: bool) -> None:
        """All that are not known yet; and once more those whose killer fails in the copy without any change."""
        for mutant in asked:
            known = record.fates.get(mutant.key)
            if known is None or (again and known.outcome != KILLED):
                fate = self.fate(mutant)
                record.add(mutant, fate)
                if fate.outcome != KILLED:
                    print(line_of(mutant, fate), flush=True)
        killers = {record.fates[mutant.key].by for mutant in asked} - {"", HANGS, *self.unfit}
        tests = sorted(killer for killer in killers if "::" in killer)
        if tests and (unfit := set(self.tree.failing(tests, self.covered.seconds(tests), first=False))):
            self.unfit |= unfit
            for mutant in asked:
                if record.fates[mutant.key].by in unfit:
                    record.add(mutant, self.fate(mutant))
            self.run(asked, record, again=False)


def line_of(mutant: Mutant, fate: Fate) -> str:
    """A survivor, as it is printed."""
    because = why_equivalent(mutant)
    kind = f"changes no answer: {because}" if because else f"{fate.outcome}, {fate.tests} tests"
    return f"  {PACKAGE.as_posix()}/{mutant.file}:{mutant.line} {mutant.within}: {mutant.was} -> {mutant.now} ({kind})"


def summary(room: str, asked: list[Mutant], record: Record) -> str:
    """How many of a room were killed, and which were not."""
    alive = [mutant for mutant in asked if record.fates[mutant.key].outcome != KILLED]
    same = sum(bool(why_equivalent(mutant)) for mutant in alive)
    killed, counted = len(asked) - len(alive), len(asked) - same
    said = f"{room}: {killed} killed of {counted}, {killed / max(counted, 1):.0%}; {same} more change no answer"
    return "\n".join([said, *(line_of(mutant, record.fates[mutant.key]) for mutant in alive)])


def kept(built: Path, room: str, seed: int) -> Path:
    """Where the record of a sample is."""
    return built / f"{room.replace('/', '-')}-{seed}.jsonl"


def main() -> None:
    """Ask about every room that is named."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("rooms", nargs="*", default=CORE, help="folders of the package, such as fit or runtimes/vllm")
    parser.add_argument("--count", type=int, default=60, help="mutants of each room")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--apart-from", type=int, metavar="SEED", help="draw none of the sample of this seed")
    parser.add_argument("--bound", type=float, default=30, help="seconds of tests that one mutant is given")
    parser.add_argument("--again", action="store_true", help="ask again about those that survived")
    parser.add_argument("--no-tables", action="store_true", help="never make tables again: quicker, and sees less")
    parser.add_argument("--built", type=Path, default=BUILT, help="where the copy and the records are kept")
    said = parser.parse_args()
    said.built.mkdir(parents=True, exist_ok=True)
    covered, tree = Covered(REPOSITORY, said.built), Tree(said.built / "tree")
    covered.renew()
    tree.renew()
    done = []
    for room in said.rooms:
        record = Record(kept(said.built, room, said.seed))
        others = Record(kept(said.built, room, said.apart_from)).fates if said.apart_from is not None else ()
        asked = sample(room, said.count, said.seed, others)
        print(f"{room}: {len(asked)} mutants", flush=True)
        Trial(room, tree, covered, said.bound, not said.no_tables).run(asked, record, said.again)
        done.append(summary(room, asked, record))
    print("\n".join(done))


if __name__ == "__main__":
    main()
