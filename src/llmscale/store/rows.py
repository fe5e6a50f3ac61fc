"""A compiled table as text whose big objects are kept a line an entry, read when it is first asked for.

The first line is the table as JSON, in which ``{"lines": [key, …]}`` stands for an object whose values are the lines
that follow, in order. Of the whole catalogue's 1.5 MB a question about one model then reads a few hundred bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

MARK = "lines"
#: From so many entries on, and so many characters each, lines are read faster than the whole.
ENTRIES, CHARACTERS = 50, 80
_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_DECODE = json.JSONDecoder().raw_decode


class Rows(Mapping[str, Any]):
    """An object whose values are read from their lines when they are asked for."""

    def __init__(self, keys: list[str], lines: list[str]) -> None:
        self._unread = dict(zip(keys, lines, strict=True))
        self._read: dict[str, Any] = {}

    def __getitem__(self, key: str) -> Any:
        if key not in self._read:
            self._read[key] = _DECODE(self._unread[key])[0]
        return self._read[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._unread)

    def __len__(self) -> int:
        return len(self._unread)

    def __contains__(self, key: object) -> bool:
        return key in self._unread

    def items(self) -> Any:
        return self._all().items()

    def values(self) -> Any:
        return self._all().values()

    def _all(self) -> dict[str, Any]:
        """All of it, read at once: several times faster than a line after the other."""
        if len(self._read) < len(self._unread):
            self._read = dict(zip(self._unread, _DECODE(f"[{','.join(self._unread.values())}]")[0], strict=True))
        return self._read


def dumped(table: dict[str, Any]) -> str:
    """`table` as such a text: its ``data``, or what is big of the objects there, as lines."""
    lines: list[str] = []
    data = _lined(table["data"], lines)
    if not lines:
        data = {key: _lined(value, lines) for key, value in data.items()}
    return "\n".join([_ENCODE({**table, "data": data}), *lines])


def _lined(value: Any, lines: list[str]) -> Any:
    """What stands for `value` on the first line."""
    if not isinstance(value, dict) or len(value) < ENTRIES or not all(isinstance(key, str) for key in value):
        return value
    written = [_ENCODE(one) for one in value.values()]
    if sum(map(len, written)) < CHARACTERS * len(written):
        return value
    lines += written
    return {MARK: list(value)}


def parsed(text: str) -> dict[str, Any]:
    """The table of such a text.

    Raises:
        ValueError: it is not one.
    """
    first, *lines = text.split("\n")
    table = json.loads(first)
    if not isinstance(table, dict) or not isinstance(table.get("data"), dict):
        raise ValueError(first[:40])
    left = iter(lines)
    found = _read(table["data"], left)
    if found is table["data"]:
        found = {key: _read(value, left) for key, value in found.items()}
    if next(left, None) is not None:
        raise ValueError(MARK)
    return {**table, "data": found}


def _read(value: Any, lines: Iterator[str]) -> Any:
    """What a value of the first line stands for."""
    if not isinstance(value, dict) or value.keys() != {MARK}:
        return value
    keys = value[MARK]
    return Rows(keys, list(islice(lines, len(keys))))
