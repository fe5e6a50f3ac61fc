"""Bytes of a file that may be hostile, read in order: never more than so many, and never past the end unnoticed."""

from __future__ import annotations

import struct
from typing import BinaryIO

from llmscale.errors import InputFileError

#: Published headers have up to 30 MB, most of it the vocabulary; more is no header.
MOST = 96 << 20
#: Read at once: what most headers have.
PIECE = 4 << 20


class CutShortError(InputFileError):
    """A file that ends before its header does."""


class Cursor:
    """Numbers and texts of a header, one after another."""

    def __init__(self, file: BinaryIO, where: str) -> None:
        self.where = where
        self.little = True
        self.at = 0
        self.data = b""
        self._file = file

    def need(self, size: int) -> None:
        """Have `size` more bytes at hand.

        Raises:
            InputFileError: there are not so many, or more than a header has.
        """
        wanted = self.at + size
        if wanted <= len(self.data):
            return
        if wanted > MOST:
            raise self.error(f"names {size:,} bytes at once in its header, more than any header has")
        parts = [self.data]
        have = len(self.data)
        while have < wanted:
            piece = self._file.read(max(PIECE, wanted - have, have))
            if not piece:
                what = f"'{self.where}' ends inside its header, after {have:,} bytes."
                raise CutShortError(what, "It may be damaged or cut short: download it again.")
            parts.append(piece)
            have += len(piece)
        self.data = b"".join(parts)

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        self.need(size)
        self.at += size
        return self.data[self.at - size : self.at]

    def number(self, code: str) -> int | float:
        """The next number, as `struct` calls its kind."""
        code = ("<" if self.little else ">") + code
        (value,) = struct.unpack(code, self.take(struct.calcsize(code)))
        found: int | float = value
        return found

    def count(self, what: str, most: int) -> int:
        """The next uint64, which counts something."""
        value = int(self.number("Q"))
        if value > most:
            raise self.error(f"names {value:,} {what}, more than {most:,}")
        return value

    def text(self, most: int) -> str:
        """The next text; bytes that are none are replaced."""
        return self.take(self.count("bytes of one text", most)).decode("utf-8", "replace")

    def skip_texts(self, count: int) -> int:
        """Go past `count` texts; the bytes of all of them, without their lengths."""
        order = "little" if self.little else "big"
        start = self.at
        for _ in range(count):
            if self.at + 8 > len(self.data):
                self.need(8)
            end = self.at + 8
            length = int.from_bytes(self.data[self.at : end], order)  # type: ignore[arg-type]
            self.at = end + length
            if self.at > len(self.data):
                self.at = end
                self.need(length)
                self.at = end + length
        return self.at - start - 8 * count

    def error(self, what: str) -> InputFileError:
        """A refusal, to be raised."""
        return InputFileError(f"'{self.where}' {what}.", "It may be damaged or cut short: download it again.")
