"""A cache saves work and never decides: whatever happens to it, the answer is the same."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from llmscale.store.cache import MOST, WORTHWHILE, folder, kept

LONG = "x" * WORTHWHILE


class Making:
    """Counts how often it is asked."""

    def __init__(self, **answer: Any) -> None:
        self.answer, self.times = answer, 0

    def __call__(self) -> dict[str, Any]:
        self.times += 1
        return self.answer


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "llmscale"


def test_it_is_made_once_for_a_content_and_what_it_was_made_with() -> None:
    make = Making(a=[1, "zwei"])
    assert [kept("kind", LONG, "1.0", make) for _ in range(3)] == [make.answer] * 3
    assert make.times == 1
    kept("kind", LONG + "y", "1.0", make)
    kept("kind", LONG, "1.1", make)
    kept("other", LONG, "1.0", make)
    assert make.times == 4


def test_what_is_read_as_fast_is_not_kept(home: Path) -> None:
    make = Making()
    for _ in range(2):
        kept("kind", "short", "", make)
    assert make.times == 2
    assert not home.exists()


@pytest.mark.parametrize("spoilt", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000])
def test_a_spoilt_entry_is_made_again(home: Path, spoilt: bytes) -> None:
    make = Making(a=1)
    kept("kind", LONG, "", make)
    (entry,) = (home / "kind").iterdir()
    entry.write_bytes(spoilt)
    assert kept("kind", LONG, "", make) == {"a": 1}
    assert kept("kind", LONG, "", make) == {"a": 1}
    assert make.times == 2


def test_where_nothing_can_be_written_there_is_no_cache(home: Path) -> None:
    home.write_text("a file where the folder would be")
    make = Making(a=1)
    assert [kept("kind", LONG, "", make) for _ in range(2)] == [{"a": 1}] * 2
    assert make.times == 2


def test_what_json_does_not_know_is_not_kept_and_leaves_nothing(home: Path) -> None:
    make = Making(a=object())
    for _ in range(2):
        assert kept("kind", LONG, "", make) is make.answer
    assert list((home / "kind").iterdir()) == []


def test_the_oldest_go(home: Path) -> None:
    for number in range(MOST + 3):
        kept("kind", LONG, str(number), Making(a=number))
        for entry in (home / "kind").iterdir():
            os.utime(entry, (0, entry.stat().st_mtime - 10))
    assert len(list((home / "kind").iterdir())) == MOST


def test_several_at_once_get_the_same(home: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: kept("kind", LONG, "", Making(a=list(range(1000)))), range(32)))
    assert found == [{"a": list(range(1000))}] * 32
    assert len(list((home / "kind").iterdir())) == 1


def test_a_relative_folder_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    assert os.path.isabs(folder())
