"""A compiled table as text of which a line is read when it is first asked for.

The first line says what the others are: ``data`` is a list of keys, of which each has a line; or an object, in which a
list of keys stands for an object whose values have a line each, and null for a value that has one. Of the whole
catalogue's 1.5 MB a question about one model then reads a few hundred bytes. A line that says what one above it says is
``=`` and which: fine-tunes have the sizes of their base.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

#: From so many entries on, and so many characters each, the entries of an object have a line each.
ENTRIES, CHARACTERS = 50, 80
MISSING = "lines"
#: Begins a line that is as another, which no JSON does.
AGAIN = "="
_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=dict).encode
_DECODE = json.JSONDecoder().raw_decode


class Rows(Mapping[str, Any]):
    """An object whose values are read from their lines when they are asked for."""

    def __init__(self, lines: dict[str, bytes | Rows]) -> None:
        self._lines = lines
        self._read: dict[str, Any] = {}
        self._whole = False

    def __getitem__(self, key: str) -> Any:
        if key not in self._read:
            line = self._lines[key]
            self._read[key] = line if isinstance(line, Rows) else _value(line.decode())
        return self._read[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._lines)

    def __len__(self) -> int:
        return len(self._lines)

    def __contains__(self, key: object) -> bool:
        return key in self._lines

    def items(self) -> Any:
        return self._all().items()

    def values(self) -> Any:
        return self._all().values()

    def _all(self) -> dict[str, Any]:
        """All of it, in order; what is not read yet at once, which is several times faster than line by line."""
        if not self._whole:
            unread = [key for key in self._lines if key not in self._read]
            lines = [line for key in unread if isinstance(line := self._lines[key], bytes)]
            found = iter(_value(f"[{b','.join(lines).decode()}]"))
            read = {key: line if isinstance(line := self._lines[key], Rows) else next(found) for key in unread}
            self._read = {key: read[key] if key in read else self._read[key] for key in self._lines}
            self._whole = True
        return self._read


def dumped(table: Mapping[str, Any]) -> str:
    """`table` as such a text; it has ``data``, an object."""
    data: Mapping[str, Any] = table["data"]
    head: Any = list(data)
    lines = _entries(data)
    if lines is None:
        head, lines = {}, []
        for key, value in data.items():
            entries = _entries(value)
            head[key] = None if entries is None else list(value)
            lines += [_ENCODE(value)] if entries is None else entries
    return "\n".join([_ENCODE({**table, "data": head}), *_once(lines), ""])


def _once(lines: list[str]) -> Iterator[str]:
    """Each, or where it stands already, where that is shorter."""
    above: dict[str, int] = {}
    for at, line in enumerate(lines):
        first = above.setdefault(line, at)
        again = f"{AGAIN}{first}"
        yield again if first != at and len(again) < len(line) else line


def _entries(value: Any) -> list[str] | None:
    """The entries of an object as lines; None for what is better kept as one."""
    if not isinstance(value, Mapping) or len(value) < ENTRIES:
        return None
    written = [_ENCODE(one) for one in value.values()]
    return written if sum(map(len, written)) >= CHARACTERS * len(written) else None


def parsed(text: bytes) -> dict[str, Any]:
    """The table of such a text.

    Raises:
        ValueError: it is not one.
    """
    first, *lines, end = text.split(b"\n")
    if end:
        raise ValueError(end[:40])  # it was cut
    table = json.loads(first)
    head, left = table.get("data") if isinstance(table, dict) else None, iter(_each(lines))
    if isinstance(head, list):
        data = _rows(head, left)
    elif isinstance(head, dict) and all(keys is None or isinstance(keys, list) for keys in head.values()):
        data = Rows({key: _one(left) if keys is None else _rows(keys, left) for key, keys in head.items()})
    else:
        raise ValueError(first[:40])
    if next(left, None) is not None:
        raise ValueError(len(lines))
    return {**table, "data": data}


def _each(lines: list[bytes]) -> list[bytes]:
    """All, those that stand above in full."""
    try:
        return [lines[int(line[1:])] if line[:1] == AGAIN.encode() else line for line in lines]
    except IndexError as error:
        raise ValueError(MISSING) from error


def _rows(keys: list[str], lines: Iterator[bytes]) -> Rows:
    return Rows(dict(zip(keys, islice(lines, len(keys)), strict=True)))


def _one(lines: Iterator[bytes]) -> bytes:
    line = next(lines, None)
    if line is None:
        raise ValueError(MISSING)
    return line


def _value(text: str) -> Any:
    """What a line says, and nothing behind it."""
    value, end = _DECODE(text)
    if end != len(text):
        raise ValueError(text[end : end + 40])
    return value
