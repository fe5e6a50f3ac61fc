"""The header of a file that ``torch.save`` wrote: names, types and shapes; nothing is executed.

Source: github.com/pytorch/pytorch: torch/serialization.py: a zip archive with ``data.pkl`` and a file for each storage,
or before 1.6 a magic number, a version and an object pickled one behind the other.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping
from math import prod
from typing import Any, BinaryIO

from llmscale.errors import InputFileError
from llmscale.names import visible
from llmscale.sources.checkpoint.header import BITS, MOST_AXES, CheckpointHeader, CheckpointTensor
from llmscale.sources.checkpoint.members import content, members
from llmscale.sources.checkpoint.pickled import walk
from llmscale.sources.checkpoint.rebuilt import PickledTensor, Storage, UnreadPickleError
from llmscale.store.opened import opener

ENDINGS = (".bin", ".pt", ".pth", ".ckpt")
#: The magic number of the old format, and its version.
MAGIC, VERSION = 0x1950A86A20F9469CFC6C, 1001
ZIP = b"PK\3\4"
#: Formats that have the same ending, by their first bytes (llama.cpp before GGUF: llama.cpp/llama-util.h; Keras: HDF5).
OTHERS = {
    b"lmgg": "a GGML file, older than GGUF: convert it anew",
    b"fmgg": "a GGML file, older than GGUF: convert it anew",
    b"tjgg": "a GGML file, older than GGUF: convert it anew",
    b"GGUF": "a GGUF file: name it .gguf",
    b"\x89HDF": "an HDF5 file",
}
#: Bytes of a pickle; the largest published shards have 2 MB.
MOST_PICKLE = 24 << 20
#: Values that are looked at in all, and dicts in dicts.
MOST_VALUES, MOST_DEPTH = 1 << 18, 16
#: Keys below which a training program keeps the weights, besides what else it keeps.
WEIGHTS = ("state_dict", "model_state_dict", "model", "module")


def read_pytorch(path: str) -> CheckpointHeader:
    """The header of the file at `path`.

    Raises:
        InputFileError: it cannot be read, or holds something else than weights.
    """
    try:
        with open(path, "rb", opener=opener) as file:
            size = os.fstat(file.fileno()).st_size
            start = file.read(8)
            file.seek(0)
            value, storages = _zipped(file) if start.startswith(ZIP) else _old(file, start)
            named = dict(_named(value))
            tensors = tuple(_distinct(named))
            needed = storages(named.values())
    except OSError as error:
        raise InputFileError(f"'{path}' cannot be read: {error.strerror}.", "Check the path.") from None
    except UnreadPickleError as error:
        why = f"'{path}' is not read as PyTorch's: {visible(error, 200)}."
        raise InputFileError(why, "A safetensors file, or the config.json alone, can be read.") from None
    return CheckpointHeader(tensors, {}, size, needed)


def _zipped(file: BinaryIO) -> tuple[Any, Any]:
    """The value in an archive, and what says how long the file must be."""
    try:
        found = members(file)
        name = next((name for name in found if name.rpartition("/")[2] == "data.pkl"), None)
        if name is None:
            raise UnreadPickleError("the archive has no data.pkl")
        value = walk(io.BytesIO(content(file, found[name], MOST_PICKLE)))
    except ValueError:
        raise UnreadPickleError("its archive is damaged or packed") from None
    folder = name.removesuffix("data.pkl")

    def needed(tensors: Any) -> int:
        for key, storage in _storages(tensors).items():
            member = found.get(f"{folder}data/{key}")
            if member is None or member.size != _bytes(storage):
                raise UnreadPickleError(
                    f"the archive has not the {_bytes(storage):,} bytes of the data '{visible(key, 20)}'"
                )
        return 0

    return value, needed


def _old(file: BinaryIO, start: bytes) -> tuple[Any, Any]:
    if not start:
        raise UnreadPickleError("it is empty")
    for magic, kind in OTHERS.items():
        if start.startswith(magic):
            raise UnreadPickleError(f"by its first bytes it is {kind}")
    if start[:1] != b"\x80":
        raise UnreadPickleError("it is neither a zip archive nor a pickle")
    pickles = io.BytesIO(file.read(MOST_PICKLE))
    if walk(pickles) != MAGIC or walk(pickles) != VERSION:
        raise UnreadPickleError("it is a pickle of something else, or older than 2017")
    walk(pickles)
    value = walk(pickles)
    walk(pickles)

    def needed(tensors: Any) -> int:
        return pickles.tell() + sum(8 + _bytes(storage) for storage in _storages(tensors).values())

    return value, needed


def _storages(tensors: Any) -> dict[str, Storage]:
    return {tensor.storage.key: tensor.storage for tensor in tensors}


def _bytes(storage: Storage) -> int:
    return storage.elements * BITS[storage.dtype] // 8


def _named(value: Any) -> Iterator[tuple[str, PickledTensor]]:
    """The tensors of the weights by name: those under `WEIGHTS`, where a training program kept more than them."""
    if not isinstance(value, dict):
        raise UnreadPickleError("it holds no dict of tensors")
    inner = next((value[key] for key in WEIGHTS if isinstance(value.get(key), dict)), value)
    left = [MOST_VALUES]
    yield from _below(inner, "", 0, left)


def _below(value: Mapping[Any, Any], prefix: str, depth: int, left: list[int]) -> Iterator[tuple[str, PickledTensor]]:
    if depth > MOST_DEPTH:
        raise UnreadPickleError("it is nested too deeply")
    for key, one in value.items():
        left[0] -= 1
        if left[0] < 0:
            raise UnreadPickleError(f"it holds more than {MOST_VALUES:,} values")
        name = f"{prefix}{key}"
        if isinstance(one, PickledTensor):
            yield name, one
        elif isinstance(one, dict):
            yield from _below(one, f"{name}.", depth + 1, left)


def _distinct(named: Mapping[str, PickledTensor]) -> Iterator[CheckpointTensor]:
    """The tensors; one that is another's own data once more, as a tied head's, is left out."""
    seen: set[PickledTensor] = set()
    for name, tensor in named.items():
        if tensor in seen:
            continue
        seen.add(tensor)
        yield CheckpointTensor(name, tensor.dtype, tensor.shape, _checked(name, tensor))


def _checked(name: str, tensor: PickledTensor) -> int:
    """Bytes of a tensor.

    Raises:
        UnreadPickleError: it is larger than its data.
    """
    bits, elements = BITS[tensor.dtype], prod(tensor.shape)
    last = sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.strides, strict=False))
    end = tensor.offset + last + 1 if elements else 0
    short = max(end, elements) * bits > tensor.storage.elements * BITS[tensor.storage.dtype]
    if len(tensor.shape) != len(tensor.strides) or len(tensor.shape) > MOST_AXES or short:
        raise UnreadPickleError(f"the tensor '{visible(name)}' does not lie in its data")
    return elements * bits // 8
