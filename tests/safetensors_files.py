"""safetensors files as tests need them, after github.com/huggingface/safetensors: README (Format)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import prod
from pathlib import Path

#: Bytes of an element.
WIDTHS = {"F32": 4, "F16": 2, "BF16": 2, "I32": 4, "U32": 4, "U8": 1, "I64": 8, "F8_E4M3": 1}
Tensors = Mapping[str, tuple[str, tuple[int, ...]]]


def size(tensors: Tensors) -> int:
    """Bytes of all."""
    return sum(WIDTHS[dtype] * prod(shape) for dtype, shape in tensors.values())


def safetensors_bytes(tensors: Tensors, *, data: bool = True) -> bytes:
    """A file; without `data` its header alone."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    at = 0
    for name, (dtype, shape) in tensors.items():
        end = at + WIDTHS[dtype] * prod(shape)
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, end]}
        at = end
    raw = json.dumps(header).encode()
    return len(raw).to_bytes(8, "little") + raw + (b"\0" * at if data else b"")


def write(folder: Path, tensors: Tensors, shards: int = 1, *, data: bool = True) -> None:
    """A checkpoint in a folder."""
    if shards == 1:
        (folder / "model.safetensors").write_bytes(safetensors_bytes(tensors, data=data))
        return
    names, where = list(tensors), {}
    for number in range(shards):
        called = f"model-{number + 1:05d}-of-{shards:05d}.safetensors"
        part = {name: tensors[name] for name in names[number::shards]}
        where.update(dict.fromkeys(part, called))
        (folder / called).write_bytes(safetensors_bytes(part, data=data))
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": where}))
