"""The header of a safetensors file: names, types and shapes; the data is never read.

Source: github.com/huggingface/safetensors: README (Format). The library itself maps the file and needs numpy or torch
to say more than names, so the header is read here.
"""

from __future__ import annotations

import os
from math import prod
from typing import Any

from llmscale.errors import InputFileError
from llmscale.names import visible
from llmscale.records import NamedTuple
from llmscale.sources.json_text import parsed
from llmscale.store.opened import opener

#: The library takes headers up to 100 MB; the largest published shard has 2 MB.
MOST_HEADER = 24 << 20
MOST_AXES = 16
#: Bits of an element (safetensors/src/tensor.rs, `Dtype`).
BITS = {
    **dict.fromkeys(("F64", "I64", "U64", "C64"), 64),
    **dict.fromkeys(("F32", "I32", "U32"), 32),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 16),
    **dict.fromkeys(("I8", "U8", "BOOL", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
    **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
    "F4": 4,
}


class CheckpointTensor(NamedTuple):
    """One tensor."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    bytes: int


class CheckpointHeader(NamedTuple):
    """A file.

    Attributes:
        needed: bytes that it must have to hold all its tensors.
    """

    tensors: tuple[CheckpointTensor, ...]
    metadata: dict[str, Any]
    file_bytes: int
    needed: int


def read_header(path: str, file_bytes: int | None = None) -> CheckpointHeader:
    """The header of the file at `path`.

    Args:
        file_bytes: of the whole file, where only its beginning is at hand.

    Raises:
        InputFileError: it cannot be read, or is no such file.
    """
    try:
        with open(path, "rb", opener=opener) as file:
            size = os.fstat(file.fileno()).st_size if file_bytes is None else file_bytes
            length = int.from_bytes(file.read(8), "little")
            if size < 10 or not 2 <= length <= MOST_HEADER:
                raise InputFileError(
                    f"'{path}' is no safetensors file: it would begin with a header of {length:,} bytes.",
                    "Check which file it is, or download it again.",
                )
            raw = file.read(length)
    except OSError as error:
        raise InputFileError(f"'{path}' cannot be read: {error.strerror}.", "Check the path.") from None
    if len(raw) < length:
        raise InputFileError(f"'{path}' ends inside its header.", "It is cut short: download it again.")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise InputFileError(f"'{path}' is no safetensors file: its header is not text.") from None
    return _checked(parsed(text, path, "the header of a safetensors file"), path, size, 8 + length)


def _checked(data: dict[str, Any], where: str, size: int, start: int) -> CheckpointHeader:
    metadata = data.pop("__metadata__", None)
    tensors = tuple(_tensor(name, entry, where) for name, entry in data.items())
    end = start + sum(tensor.bytes for tensor in tensors)
    return CheckpointHeader(tensors, metadata if isinstance(metadata, dict) else {}, size, end)


def _tensor(name: str, entry: Any, where: str) -> CheckpointTensor:
    def error(what: str) -> InputFileError:
        return InputFileError(f"'{where}': the tensor '{visible(name)}' {what}.", "The file may be damaged.")

    if not isinstance(entry, dict):
        raise error("is not described by an object")
    dtype, shape, offsets = entry.get("dtype"), entry.get("shape"), entry.get("data_offsets")
    if not isinstance(dtype, str) or dtype not in BITS:
        raise error(f"is of the type {visible(dtype, 30)}, which safetensors does not have")
    if not isinstance(shape, list) or not _whole(shape) or len(shape) > MOST_AXES:
        raise error("has no shape")
    if not isinstance(offsets, list) or not _whole(offsets) or len(offsets) != 2:
        raise error("does not say where its data stand")
    bits, taken = prod(shape) * BITS[dtype], offsets[1] - offsets[0]
    if bits != 8 * taken:
        raise error(f"has {taken:,} bytes, and its shape needs {bits / 8:,.0f}"[:160])
    return CheckpointTensor(name, dtype, tuple(shape), taken)


def _whole(values: list[Any]) -> bool:
    """Whether all are numbers that sizes can be."""
    return all(type(each) is int and 0 <= each < 1 << 60 for each in values)
