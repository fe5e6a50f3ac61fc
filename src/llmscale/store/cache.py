"""What was worked out of a file, kept by its content: in `$XDG_CACHE_HOME/llmscale`, as the XDG specification says.

An entry is an SQLite file of sections, each read key by key (`Section`): of many thousand models a command asks for
one. A cache is never needed: where it cannot be read, written or understood, everything is worked out again. An entry
is written whole or not at all, so that several processes at once do no harm, and holds what JSON knows and nothing
else. SQLite does not see a bit that turned over on the disk, so each row has a mark of what stands in it.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from importlib.util import find_spec
from threading import get_ident
from typing import Any
from zlib import crc32

#: Less is read as fast as its entry would be.
WORTHWHILE = 16 * 1024
#: Entries of a kind; the oldest go.
MOST = 16

Sections = Mapping[str, Mapping[str, Any]]


def kept(kind: str, content: str, made_with: str, make: Callable[[], Sections]) -> Sections:
    """What `make` gives of `content`, from the cache where it stands there.

    Args:
        kind: a folder of its own.
        made_with: what else it depends on: releases, tables.
    """
    if len(content) < WORTHWHILE or find_spec("sqlite3") is None:
        return make()
    digest = hashlib.sha256(f"{made_with}\n{content}".encode("utf-8", "surrogatepass")).hexdigest()
    path = os.path.join(folder(), kind, f"{digest}.sqlite")
    if found := _sections(path):
        return {name: Section(path, name, rows, make) for name, rows in found}
    made = make()
    _write(path, made)
    return made


class Section(Mapping[str, Any]):
    """One section of an entry: a value is read when it is asked for, all of them when they are gone through."""

    def __init__(self, path: str, name: str, rows: int, make: Callable[[], Sections]) -> None:
        self._path, self._name, self._count, self._make = path, name, rows, make
        self._whole: Mapping[str, Any] | None = None

    def __getitem__(self, key: str) -> Any:
        if self._whole is None:
            found = self._rows("SELECT key, value, mark FROM kept WHERE section = ? AND key = ?", key)
            if found is not None:
                return found[key]
        return self._all()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def _all(self) -> Mapping[str, Any]:
        if self._whole is None:
            found = self._rows("SELECT key, value, mark FROM kept WHERE section = ? ORDER BY place")
            self._whole = self._make()[self._name] if found is None or len(found) != self._count else found
        return self._whole

    def _rows(self, query: str, *more: str) -> dict[str, Any] | None:
        """None where the entry has been spoilt or has gone in the meantime."""
        rows = _asked(self._path, query, self._name, *more)
        if rows is None:
            return None
        try:
            if all(mark == _mark(self._name, key, value) for key, value, mark in rows):
                return {key: json.loads(value) for key, value, _ in rows}
        except (TypeError, ValueError, RecursionError):
            pass
        _forget(self._path)
        return None


def folder() -> str:
    """Where caches are kept on this system."""
    home = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(home):
        usual = {"win32": "~/AppData/Local", "darwin": "~/Library/Caches"}.get(sys.platform, "~/.cache")
        home = os.path.expanduser(usual)
    return os.path.join(home, "llmscale")


def _sections(path: str) -> list[tuple[str, int]]:
    """The sections of an entry with how many rows each has; none where that has been spoilt."""
    found = _asked(path, "SELECT name, rows, mark FROM sections ORDER BY place") or ()
    whole = all(mark == _mark(str(name), str(rows)) for name, rows, mark in found)
    return [(name, rows) for name, rows, _ in found] if whole else []


def _mark(*texts: str) -> int:
    """What tells texts from others that a failing disk makes of them."""
    return crc32("\0".join(texts).encode("utf-8", "surrogatepass"))


def _asked(path: str, query: str, *values: str) -> list[Any] | None:
    """The rows of a query; None where there is no such entry, or nothing that can be read."""
    import sqlite3  # 8 ms that only those with a large file of their own need

    if not os.path.isfile(path):
        return None
    try:
        with closing(sqlite3.connect(path)) as base:
            return base.execute(query, values).fetchall()
    except sqlite3.Error:
        return None


def _write(path: str, content: Sections) -> None:
    import sqlite3

    temporary = f"{path}.{os.getpid()}.{get_ident()}"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        _make_room(os.path.dirname(path))
        rows = [
            (section, place, key, text, _mark(section, key, text))
            for section, values in content.items()
            for place, (key, value) in enumerate(values.items())
            for text in (json.dumps(value, ensure_ascii=False, separators=(",", ":")),)
        ]
        sections = [
            (place, name, len(values), _mark(name, str(len(values))))
            for place, (name, values) in enumerate(content.items())
        ]
        with closing(sqlite3.connect(temporary)) as base:
            base.execute("PRAGMA journal_mode = OFF")
            base.execute("CREATE TABLE sections (place INTEGER PRIMARY KEY, name TEXT, rows INTEGER, mark INTEGER)")
            base.execute("CREATE TABLE kept (section TEXT, place INTEGER, key TEXT, value TEXT, mark INTEGER)")
            base.executemany("INSERT INTO sections VALUES (?, ?, ?, ?)", sections)
            base.executemany("INSERT INTO kept VALUES (?, ?, ?, ?, ?)", rows)
            base.execute("CREATE UNIQUE INDEX by_key ON kept (section, key)")
            base.commit()
        os.replace(temporary, path)
    except (OSError, ValueError, TypeError, RecursionError, sqlite3.Error):
        _forget(temporary)


def _make_room(directory: str) -> None:
    entries = sorted(os.scandir(directory), key=lambda entry: entry.stat().st_mtime)
    for entry in entries[: max(0, len(entries) - MOST + 1)]:
        _forget(entry.path)


def _forget(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return
