"""What lies in a zip archive, by its central directory, of which no more is read than any checkpoint has.

Source: pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT (4.3: local header, central directory, Zip64). The standard
library's `zipfile` reads a directory of any length that an archive says it has.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from struct import unpack_from
from typing import BinaryIO

from llmscale.records import NamedTuple

#: Bytes of a directory; an entry for each tensor has about 100.
MOST_DIRECTORY = 16 << 20
#: The end is found by its first bytes, at most a comment away from the end of the file.
END, END64, MOST_COMMENT = b"PK\5\6", b"PK\6\6", (1 << 16) + 22
ENTRY, LOCAL, LOCATOR = b"PK\1\2", b"PK\3\4", b"PK\6\7"
#: What a field says whose value stands elsewhere.
ELSEWHERE = 0xFFFFFFFF


class Member(NamedTuple):
    """A file of an archive; `method` is 0 where it is stored as it is."""

    name: str
    method: int
    size: int
    packed: int
    at: int


def members(file: BinaryIO) -> dict[str, Member]:
    """The files of an archive.

    Raises:
        ValueError: it is none, or damaged.
    """
    try:
        size, at = _directory(file)
        file.seek(at)
        raw = file.read(size)
        return {member.name: member for member in _entries(raw)}
    except (struct.error, OSError) as error:
        raise ValueError(str(error)) from None


def content(file: BinaryIO, member: Member, most: int) -> bytes:
    """What a file of the archive holds.

    Raises:
        ValueError: more than `most`, or it is packed.
    """
    if member.method or member.size > most:
        raise ValueError(member.name)
    try:
        file.seek(member.at)
        head = file.read(30)
        if head[:4] != LOCAL:
            raise ValueError(member.name)
        name, extra = unpack_from("<HH", head, 26)
        file.seek(member.at + 30 + name + extra)
        return file.read(member.size)
    except (struct.error, OSError) as error:
        raise ValueError(str(error)) from None


def _directory(file: BinaryIO) -> tuple[int, int]:
    """Bytes of the directory, and where it begins."""
    end = file.seek(0, os.SEEK_END)
    tail = max(0, end - MOST_COMMENT - 20)
    file.seek(tail)
    raw = file.read(MOST_COMMENT + 20)
    at = raw.rfind(END)
    if at < 0:
        raise ValueError("no end")
    size, start = unpack_from("<II", raw, at + 12)
    if ELSEWHERE in (size, start) and raw[at - 20 : at - 16] == LOCATOR:
        file.seek(unpack_from("<Q", raw, at - 12)[0])
        record = file.read(56)
        if record[:4] != END64:
            raise ValueError("no end of Zip64")
        size, start = unpack_from("<QQ", record, 40)
    if size > MOST_DIRECTORY or start + size > end:
        raise ValueError("a directory that there cannot be")
    return size, start


def _entries(raw: bytes) -> Iterator[Member]:
    at = 0
    while raw[at : at + 4] == ENTRY:
        (method,) = unpack_from("<H", raw, at + 10)
        packed, size, name, extra, comment = unpack_from("<IIHHH", raw, at + 20)
        (start,) = unpack_from("<I", raw, at + 42)
        called = raw[at + 46 : at + 46 + name].decode("utf-8", "replace")
        fields = _wide(raw[at + 46 + name : at + 46 + name + extra])
        size, packed, start = (next(fields) if one == ELSEWHERE else one for one in (size, packed, start))
        yield Member(called, method, size, packed, start)
        at += 46 + name + extra + comment


def _wide(extra: bytes) -> Iterator[int]:
    """The values of the Zip64 field, in the order of those that it stands for."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = unpack_from("<HH", extra, at)
        if kind == 1:
            for place in range(at + 4, at + 4 + length - 7, 8):
                yield unpack_from("<Q", extra, place)[0]
        at += 4 + length
    raise ValueError("no Zip64 field")
