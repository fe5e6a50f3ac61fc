"""A cache saves work and never decides: whatever happens to it, the answer is the same."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import time
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


def test_a_row_that_turned_over_on_the_disk_is_never_answered_with(home: Path) -> None:
    rows = {f"key{number}": f"value {number}" for number in range(300)}
    kept("kind", LONG, "", Making(rows=rows))
    (entry,) = (home / "kind").iterdir()
    good, chance = entry.read_bytes(), random.Random(7)
    for _ in range(200):
        raw = bytearray(good)
        for _ in range(chance.randint(1, 6)):
            raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
        entry.write_bytes(raw)
        found = kept("kind", LONG, "", Making(rows=rows))["rows"]
        asked = chance.choice(list(rows))
        assert found.get(asked, rows[asked]) == rows[asked]
        assert dict(found) == rows


@pytest.mark.parametrize(
    "harm",
    ["UPDATE kept SET value = 'false'", "UPDATE kept SET value = NULL", "UPDATE kept SET key = 7 WHERE key = 'b'"],
)
def test_a_row_that_somebody_changed_is_made_again_and_its_entry_goes(home: Path, harm: str) -> None:
    make = Making(rows=ROWS)
    kept("kind", LONG, "", make)
    (entry,) = (home / "kind").iterdir()
    with closing(sqlite3.connect(entry)) as base:
        base.execute(harm)
        base.commit()
    assert dict(kept("kind", LONG, "", make)["rows"]) == ROWS
    assert list((home / "kind").iterdir()) == []


def test_sections_that_somebody_renamed_are_made_again(home: Path) -> None:
    make = Making(rows=ROWS)
    kept("kind", LONG, "", make)
    (entry,) = (home / "kind").iterdir()
    with closing(sqlite3.connect(entry)) as base:
        base.execute("UPDATE sections SET name = 'rews'")
        base.commit()
    assert plain(kept("kind", LONG, "", make)) == {"rows": ROWS}


#: Keeps a large table again and again, so that files are written all the time.
WRITER = """
import sys
from llmscale.store.cache import WORTHWHILE, kept
rows = {f"key{number}": "value" * 20 for number in range(3000)}
for turn in range(int(sys.argv[1])):
    found = kept("kind", "x" * WORTHWHILE, str(turn % 3), lambda: {"rows": rows})
    assert len(found["rows"]) == 3000, turn
    print(turn, flush=True)
"""


def writer(turns: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", WRITER, str(turns)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_many_processes_at_once_get_the_same_and_leave_no_halves(home: Path) -> None:
    running = [writer(6) for _ in range(6)]
    ended = [one.communicate(timeout=120) for one in running]
    assert [(one.returncode, error) for one, (_, error) in zip(running, ended, strict=True)] == [(0, b"")] * 6
    assert [entry.suffix for entry in (home / "kind").iterdir()] == [".sqlite"] * 3


def test_a_process_that_is_killed_while_it_writes_spoils_nothing(home: Path) -> None:
    for after in (0.0, 0.01, 0.03):
        running = writer(10_000)
        assert running.stdout is not None
        running.stdout.readline()
        for entry in (home / "kind").iterdir():
            entry.unlink(missing_ok=True)
        time.sleep(after)
        running.kill()
        running.communicate(timeout=60)
    last = writer(3)
    _, error = last.communicate(timeout=120)
    assert (last.returncode, error) == (0, b"")


@pytest.mark.skipif(sys.platform != "linux", reason="limits the size of a file as a full disk does")
def test_a_full_disk_leaves_an_answer_and_no_half(home: Path) -> None:
    full = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    full += "resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))\n"
    done = subprocess.run([sys.executable, "-c", full + WRITER, "2"], capture_output=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert list((home / "kind").iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_only_be_read_still_answers(home: Path) -> None:
    make = Making(rows=ROWS)
    kept("kind", LONG, "", make)
    (home / "kind").chmod(0o500)
    try:
        assert plain(kept("kind", LONG, "", make)) == {"rows": ROWS}
        assert plain(kept("kind", LONG, "other", make)) == {"rows": ROWS}
    finally:
        (home / "kind").chmod(0o700)
    assert make.times == 2


@pytest.mark.skipif(not Path("/sys/kernel").is_dir(), reason="there is no folder here that nobody may write in")
def test_a_folder_that_nobody_may_write_in_still_answers(home: Path) -> None:
    """As above, also for root: what the kernel shows takes no files."""
    home.mkdir()
    (home / "kind").symlink_to("/sys/kernel", target_is_directory=True)
    make = Making(rows=ROWS)
    assert [plain(kept("kind", LONG, "", make)) for _ in range(2)] == [{"rows": ROWS}] * 2
    assert make.times == 2
