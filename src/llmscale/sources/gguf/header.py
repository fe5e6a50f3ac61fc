"""The header of a GGUF file: key/value pairs and tensor infos, both byte orders, versions 2 and 3.

Source: github.com/ggml-org/ggml: docs/gguf.md. Nothing after the header is read. The package `gguf` was tried first: it
brings numpy (80 ms), reads every token of a vocabulary one by one (seconds) and believes every count that it reads.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from llmscale.errors import InputFileError
from llmscale.records import NamedTuple
from llmscale.sources.gguf.cursor import Cursor
from llmscale.sources.gguf.types import TYPES, GgmlType
from llmscale.store.opened import opener

MAGIC = b"GGUF"
VERSIONS = (2, 3)
#: ggml/include/ggml.h: GGML_MAX_DIMS, GGML_MAX_NAME.
MOST_AXES, MOST_NAME = 4, 256
MOST_PAIRS, MOST_TENSORS = 1 << 16, 1 << 18
#: Texts of all arrays together: the largest vocabularies have 262,144 tokens and 515,000 merges.
MOST_TEXTS = 1 << 22
#: Keys have at most 65,535 bytes by the format; a template has up to 40 KB.
MOST_KEY, MOST_TEXT = (1 << 16) - 1, 16 << 20
#: Elements of the largest axis that there can be.
MOST_ELEMENTS = 1 << 48
#: Arrays up to so many numbers are kept: one a layer.
KEPT = 4096
ALIGNMENT = 32

#: Number of a value's type to how `struct` reads it; 7 is a truth value, 8 a text, 9 an array.
NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "B", 10: "Q", 11: "q", 12: "d"}
WIDTHS = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
TRUTH, TEXT, ARRAY = 7, 8, 9


class LongArray(NamedTuple):
    """An array that is not kept: how many items it has, and their bytes."""

    items: int
    bytes: int


class GgufTensor(NamedTuple):
    """One tensor.

    Attributes:
        shape: rows (outputs) before columns (inputs), as in a checkpoint; the file has it the other way round.
        bytes: what its data takes.
    """

    name: str
    shape: tuple[int, ...]
    type: GgmlType
    offset: int
    bytes: int


class GgufHeader(NamedTuple):
    """What stands before the data.

    Attributes:
        size: bytes of the header, before padding.
        file_bytes: bytes of the file.
        needed: bytes that the file must have to hold all its tensors.
    """

    path: str
    version: int
    little: bool
    metadata: Mapping[str, Any]
    tensors: tuple[GgufTensor, ...]
    size: int
    file_bytes: int
    needed: int


def read_header(path: str, file_bytes: int | None = None) -> GgufHeader:
    """The header of the file at `path`.

    Args:
        file_bytes: of the whole file, where only its beginning is at hand.

    Raises:
        InputFileError: it cannot be read, is no GGUF file, or not one that makes sense.
    """
    try:
        with open(path, "rb", opener=opener) as file:
            size = os.fstat(file.fileno()).st_size if file_bytes is None else file_bytes
            return _read(Cursor(file, path), path, size)
    except OSError as error:
        raise InputFileError(f"'{path}' cannot be read: {error.strerror}.", "Check the path.") from None


def _read(cursor: Cursor, path: str, file_bytes: int) -> GgufHeader:
    if not file_bytes:
        raise InputFileError(f"'{path}' is empty.", "A GGUF file is expected.")
    if cursor.take(4) != MAGIC:
        raise InputFileError(f"'{path}' is no GGUF file: it does not begin with 'GGUF'.", "Check which file it is.")
    version = _version(cursor)
    tensors = cursor.count("tensors", MOST_TENSORS)
    pairs = cursor.count("key/value pairs", MOST_PAIRS)
    metadata = _metadata(cursor, pairs)
    alignment = metadata.get("general.alignment", ALIGNMENT)
    if not isinstance(alignment, int) or not 1 <= alignment <= 1 << 20 or alignment & (alignment - 1):
        raise cursor.error("has an alignment that is no power of two")
    infos = tuple(_tensor(cursor) for _ in range(tensors))
    if len({info.name for info in infos}) < len(infos):
        raise cursor.error("names a tensor twice")
    start = -(-cursor.at // alignment) * alignment
    needed = max((start + info.offset + info.bytes for info in infos), default=cursor.at)
    return GgufHeader(path, version, cursor.little, metadata, infos, cursor.at, file_bytes, needed)


def _version(cursor: Cursor) -> int:
    raw = cursor.take(4)
    version = int.from_bytes(raw, "little")
    if not version & 0xFFFF:  # written by a machine of the other byte order
        cursor.little, version = False, int.from_bytes(raw, "big")
    if version not in VERSIONS:
        raise InputFileError(
            f"'{cursor.where}' is a GGUF file of version {version}; llmscale reads 2 and 3.",
            "Download a newer one: llama.cpp reads no other either.",
        )
    return version


def _metadata(cursor: Cursor, pairs: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    budget = MOST_TEXTS
    for _ in range(pairs):
        key = cursor.text(MOST_KEY)
        if key in found:
            raise cursor.error(f"has the key {key[:60]!r} twice")
        kind = int(cursor.number("I"))
        found[key] = _array(cursor, budget) if kind == ARRAY else _value(cursor, kind)
        if isinstance(found[key], LongArray):
            budget -= found[key].items
    return found


def _value(cursor: Cursor, kind: int) -> Any:
    if kind == TEXT:
        return cursor.text(MOST_TEXT)
    if kind not in NUMBERS:
        raise cursor.error(f"has a value of type {kind}, which GGUF does not have")
    value = cursor.number(NUMBERS[kind])
    return bool(value) if kind == TRUTH else value


def _array(cursor: Cursor, budget: int) -> Any:
    """A short array of numbers as a list, any other by its size."""
    kind, count = int(cursor.number("I")), cursor.count("items of an array", 1 << 32)
    if kind == TEXT:
        if count > budget:
            raise cursor.error(f"names {count:,} texts, more than any vocabulary has")
        return LongArray(count, cursor.skip_texts(count))
    if kind not in NUMBERS:
        raise cursor.error(f"has an array of type {kind}, which GGUF does not have")
    if count <= KEPT:
        return [_value(cursor, kind) for _ in range(count)]
    cursor.take(count * WIDTHS[kind])
    return LongArray(count, count * WIDTHS[kind])


def _tensor(cursor: Cursor) -> GgufTensor:
    name = cursor.text(MOST_NAME)
    axes = int(cursor.number("I"))
    if axes > MOST_AXES:
        raise cursor.error(f"has a tensor of {axes:,} axes, more than {MOST_AXES}")
    shape = tuple(cursor.count("elements along an axis", MOST_ELEMENTS) for _ in range(axes))[::-1]
    number, offset = int(cursor.number("I")), int(cursor.number("Q"))
    kind = TYPES.get(number)
    if kind is None:
        raise InputFileError(
            f"'{cursor.where}' has tensors of type {number}, which llama.cpp does not have.",
            "Their size is not known; ik_llama.cpp and other forks have types of their own.",
        )
    columns = shape[-1] if shape else 1
    if columns % kind.block:
        raise cursor.error(f"has a {kind.name} tensor whose rows of {columns:,} are no multiple of {kind.block}")
    elements = 1
    for size in shape:
        elements *= size
    if not 0 < elements <= MOST_ELEMENTS:
        raise cursor.error(f"has a tensor of {elements:,} elements")
    return GgufTensor(name, shape, kind, offset, elements // kind.block * kind.bytes)
