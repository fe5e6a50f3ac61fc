"""The command that changes the source: where it does, what it makes of it, and what it remembers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llmscale.store.rows import dumped
from llmscale.store.tables import ENDING
from tests.mutants.__main__ import line_of, pool, sample, summary
from tests.mutants.covered import Covered
from tests.mutants.operators import Mutant, mutants
from tests.mutants.record import KILLED, SURVIVED, Fate, Record, equivalents
from tests.mutants.tree import PACKAGE, REPOSITORY, Tree

SOURCE = '''"""1 + 1."""
LIMIT = 3


class Box(Base):
    size: int = 4

    def holds(self, one: "1 + 1", most=2) -> bool:
        """2 * 2."""
        count: Literal[7] = one * most
        return f"{one + 1}" if not count else min(
            one, "a" + name
        )
'''


def changes(expression: str) -> list[str]:
    return [mutant.now for mutant in mutants("a.py", f"def f(a, b):\n    return {expression}\n".encode())]


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ("a < b", ["a <= b"]),
        ("a in b", ["a not in b"]),
        ("a + b", ["a - b"]),
        ("a / b", ["a * b"]),
        ("a * b", ["a // b"]),
        ("a and b", ["a or b"]),
        ("not a", ["a"]),
        ("True", ["False"]),
        ("a[4]", ["5"]),
        ("0.5", ["1.0"]),
        ("0.0", ["1.0"]),
        ("a if b else f", ["f if b else a"]),
        ("max(a, b)", ["min(a, b)"]),
        ("a < b < f", []),
        ("'a' + b", []),
        ("None", []),
        ("(a + b) * f", ["(a + b) // f", "a - b"]),
    ],
)
def test_an_expression_becomes_its_neighbours(was: str, now: list[str]) -> None:
    assert changes(was) == now


def test_only_what_functions_do_is_changed() -> None:
    found = mutants("box.py", SOURCE.encode())
    assert {mutant.within for mutant in found} == {"Box.holds"}
    assert [mutant.now for mutant in found if "\n" not in mutant.was] == [
        "one // most",
        "min(one, 'a' + name) if not count else f'{one + 1}'",
        "count",
        "max(one, 'a' + name)",
    ]


def test_lines_stay_where_they_are() -> None:
    for mutant in mutants("box.py", SOURCE.encode()):
        changed = mutant.applied(SOURCE.encode())
        assert changed != SOURCE.encode()
        assert changed.count(b"\n") == SOURCE.count("\n")
        compile(changed, "box.py", "exec")


def test_a_sample_is_the_same_for_the_same_seed_and_grows() -> None:
    assert sample("fit", 10, 3) == sample("fit", 20, 3)[:10] != sample("fit", 10, 4)
    first = {mutant.key for mutant in sample("fit", 100, 3)}
    assert not first & {mutant.key for mutant in sample("fit", 100, 4, first)}
    assert len({mutant.key for mutant in pool("fit")}) == len(pool("fit"))
    assert not any(mutant.file.startswith("model/families/") for mutant in pool("model"))


def test_what_is_known_is_read_again_and_the_last_word_counts(tmp_path: Path) -> None:
    one, other = sample("fit", 2, 1)
    record = Record(tmp_path / "fit-1.jsonl")
    record.add(one, Fate(SURVIVED, "", 3, 0.5))
    record.add(other, Fate(SURVIVED, "", 4, 0.5))
    record.add(other, Fate(KILLED, "tests/fit/test_choose.py::test_it", 4, 0.5))
    again = Record(tmp_path / "fit-1.jsonl")
    assert again.fates == record.fates
    assert again.fates[one.key].outcome == SURVIVED
    assert summary("fit", [one, other], again).splitlines() == [
        "fit: 1 killed of 2, 50%; 0 more change no answer",
        line_of(one, again.fates[one.key]),
    ]
    assert f"{one.file}:{one.line}" in line_of(one, again.fates[one.key])


def test_the_tests_of_a_line_are_the_quickest_of_its_own_room_first(tmp_path: Path) -> None:
    covered = Covered(tmp_path, tmp_path)
    covered.record = {"files": {}, "seconds": {"tests/fit/test_a.py::a": 1.0, "tests/cli/test_b.py::b": 0.4}}
    covered.contexts = lambda file: {  # type: ignore[method-assign]
        7: ["tests/cli/test_b.py::b|run", "tests/fit/test_a.py::a|run", "tests/gone.py::c|run"],
        8: ["tests/cli/test_b.py::b|setup"],
    }
    mutant = Mutant("fit/x.py", "f", 7, 7, 0, 1, "1", "2")
    assert covered.tests_of(mutant, "fit") == ["tests/fit/test_a.py::a", "tests/cli/test_b.py::b"]
    assert covered.tests_of(mutant._replace(line=8), "fit") == ["tests/cli/test_b.py::b"]
    assert covered.tests_of(mutant._replace(line=9), "fit") == covered.tests_of(mutant, "fit")
    assert covered.tests_of(mutant._replace(line=9, first=9), "fit") == []
    seconds = {f"tests/cli/test_b.py::b[{n}]": 0.1 for n in range(3)} | {"tests/cli/test_b.py::c": 0.3}
    covered.record = {"files": {}, "seconds": seconds}
    covered.contexts = lambda file: {7: [f"{test}|run" for test in seconds]}  # type: ignore[method-assign]
    assert [test.partition("::")[2] for test in covered.tests_of(mutant, "fit")] == ["b[0]", "c", "b[1]", "b[2]"]


def test_no_more_tests_than_there_is_time_for_but_one(tmp_path: Path) -> None:
    covered = Covered(tmp_path, tmp_path)
    covered.record = {"files": {}, "seconds": {"tests/fit/test_a.py::a": 1.0, "tests/cli/test_b.py::b": 0.4}}
    assert covered.within(list(covered.record["seconds"]), 1.4) == list(covered.record["seconds"])
    assert covered.within(["tests/fit/test_a.py::a", "tests/cli/test_b.py::b"], 0.5) == ["tests/fit/test_a.py::a"]


def test_the_record_of_lines_is_fresh_until_a_file_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def run(self: Covered, files: list[str]) -> dict[str, float]:
        asked.append(files)
        self.lines.touch()
        return dict.fromkeys((f"{file}::new" for file in files or ["tests/test_a.py", "tests/test_b.py"]), 0.1)

    monkeypatch.setattr(Covered, "_run", run)
    tree = tmp_path / "tree"
    for name in ("src/a.py", "tests/test_a.py", "tests/test_b.py", "data/a.yaml"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text("")
    for change in ("", "", "tests/test_b.py", "data/a.yaml"):
        if change:
            (tree / change).write_text("# changed")
        Covered(tree, tmp_path).renew()
    assert asked == [[], ["tests/test_b.py"], []]
    (tree / "tests/test_b.py").unlink()
    Covered(tree, tmp_path).renew()
    kept = json.loads((tmp_path / "covered.json").read_text())
    assert list(kept["seconds"]) == ["tests/test_a.py::new"]
    assert len(asked) == 3


def test_what_changes_no_answer_is_still_there() -> None:
    there = {
        (mutant.file, mutant.within, mutant.was, mutant.now)
        for file in {file for file, *_ in equivalents()}
        for mutant in mutants(file, (REPOSITORY / PACKAGE / file).read_bytes())
    }
    assert equivalents().keys() <= there
    assert all(len(because) > 20 for because in equivalents().values())


def test_a_table_that_was_made_with_a_file_is_known(tmp_path: Path) -> None:
    tables = tmp_path / PACKAGE / "_data"
    tables.mkdir(parents=True)
    made = {"made_with": {"fit/x.py": 1}, "data": {"a": {"b": 2}}}
    (tables / f"some{ENDING}").write_text(dumped(made), encoding="utf-8")
    used, unused = (Mutant(file, "f", 7, 7, 0, 1, "1", "2") for file in ("fit/x.py", "fit/y.py"))
    assert [Tree(tmp_path).uses_tables(one) for one in (used, unused)] == [True, False]
