"""A cache saves work and never decides: whatever happens to it, the answer is the same."""

from __future__ import annotations

import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from llmscale.store import cache
from llmscale.store.cache import MOST, WORTHWHILE, Sections, folder, kept

LONG = "x" * WORTHWHILE
ROWS = {"b": [1, "zwei"], "a": None, "ü": {"deep": [True, 1.5]}}


class Making:
    """Counts how often it is asked."""

    def __init__(self, **answer: Any) -> None:
        self.answer, self.times = answer, 0

    def __call__(self) -> dict[str, Any]:
        self.times += 1
        return self.answer


def plain(found: Sections) -> dict[str, dict[str, Any]]:
    return {name: dict(section) for name, section in found.items()}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "llmscale"


def test_it_is_made_once_for_a_content_and_what_it_was_made_with() -> None:
    make = Making(rows=ROWS, none={})
    found = [kept("kind", LONG, "1.0", make) for _ in range(3)]
    assert [plain(one) for one in found] == [make.answer] * 3
    assert [list(one["rows"]) for one in found] == [list(ROWS)] * 3
    assert make.times == 1
    kept("kind", LONG + "y", "1.0", make)
    kept("kind", LONG, "1.1", make)
    kept("other", LONG, "1.0", make)
    assert make.times == 4


def test_one_value_is_read_without_the_others() -> None:
    make = Making(rows=ROWS)
    kept("kind", LONG, "", make)
    rows = kept("kind", LONG, "", make)["rows"]
    assert (rows["b"], rows["a"], rows.get("ü"), rows.get("z", "nothing")) == ([1, "zwei"], None, ROWS["ü"], "nothing")
    assert ("a" in rows, "z" in rows, len(rows)) == (True, False, 3)
    with pytest.raises(KeyError):
        rows["z"]


def test_what_is_read_as_fast_is_not_kept(home: Path) -> None:
    make = Making()
    for _ in range(2):
        kept("kind", "short", "", make)
    assert make.times == 2
    assert not home.exists()


def test_without_sqlite_there_is_no_cache(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "find_spec", lambda name: None)
    make = Making(rows=ROWS)
    assert [kept("kind", LONG, "", make) for _ in range(2)] == [{"rows": ROWS}] * 2
    assert (make.times, home.exists()) == (2, False)


@pytest.mark.parametrize("spoilt", [b"", b"{", b"SQLite format 3\0", b"\xff\xfe", b"[" * 100_000])
def test_a_spoilt_entry_is_made_again(home: Path, spoilt: bytes) -> None:
    make = Making(rows=ROWS)
    kept("kind", LONG, "", make)
    (entry,) = (home / "kind").iterdir()
    entry.write_bytes(spoilt)
    assert plain(kept("kind", LONG, "", make)) == {"rows": ROWS}
    assert plain(kept("kind", LONG, "", make)) == {"rows": ROWS}
    assert make.times == 2


@pytest.mark.parametrize("harm", ["gone", "spoilt", "no JSON"])
def test_an_entry_that_is_spoilt_while_it_is_read_is_made_again(home: Path, harm: str) -> None:
    make = Making(rows=ROWS)
    kept("kind", LONG, "", make)
    found = kept("kind", LONG, "", make)["rows"], kept("kind", LONG, "", make)["rows"]
    (entry,) = (home / "kind").iterdir()
    if harm == "gone":
        entry.unlink()
    elif harm == "spoilt":
        entry.write_bytes(b"nothing")
    else:
        with closing(sqlite3.connect(entry)) as base:
            base.execute("UPDATE kept SET value = '{'")
            base.commit()
    assert found[0]["b"] == ROWS["b"]
    assert dict(found[1]) == ROWS


def test_where_nothing_can_be_written_there_is_no_cache(home: Path) -> None:
    home.write_text("a file where the folder would be")
    make = Making(rows=ROWS)
    assert [kept("kind", LONG, "", make) for _ in range(2)] == [{"rows": ROWS}] * 2
    assert make.times == 2


@pytest.mark.parametrize("value", [object(), b"bytes"])
def test_what_json_does_not_know_is_not_kept_and_leaves_nothing(home: Path, value: object) -> None:
    make = Making(rows={"a": value})
    for _ in range(2):
        assert kept("kind", LONG, "", make) is make.answer
    assert list((home / "kind").iterdir()) == []


def test_the_oldest_go(home: Path) -> None:
    for number in range(MOST + 3):
        kept("kind", LONG, str(number), Making(rows={"a": number}))
        for entry in (home / "kind").iterdir():
            os.utime(entry, (0, entry.stat().st_mtime - 10))
    assert len(list((home / "kind").iterdir())) == MOST


def test_several_at_once_get_the_same(home: Path) -> None:
    rows = {str(number): number for number in range(1000)}
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: plain(kept("kind", LONG, "", Making(rows=rows))), range(32)))
    assert found == [{"rows": rows}] * 32
    assert len(list((home / "kind").iterdir())) == 1


def test_a_relative_folder_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    assert os.path.isabs(folder())
