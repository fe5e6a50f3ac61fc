"""Which files of a folder are a checkpoint: the one that is named, the shards of an index, or all that there are.

An index names files beside itself; one that names anything else is refused, so that nothing outside is ever opened.
"""

from __future__ import annotations

import os
import re
from typing import Any

from llmscale.errors import InputFileError
from llmscale.names import visible
from llmscale.sources.json_text import parsed
from llmscale.store.text_file import read_text

ENDING, INDEX = ".safetensors", ".safetensors.index.json"
#: The same of PyTorch's files; of a folder those that have one of these names, best first, or are shards of the first.
PYTORCH_INDEX = ".bin.index.json"
PYTORCH = ("pytorch_model.bin", "diffusion_pytorch_model.bin", "adapter_model.bin", "model.bin", "model.pt")
SHARD = re.compile(r"pytorch_model-\d{5}-of-\d{5}\.bin")
#: The largest published index has 9 MB (DeepSeek-V3: 91,991 tensors).
MOST_INDEX = 48 << 20
MOST_SHARDS = 10_000
#: Files of a folder that are its weights once more, for other programs.
TWICE = ("consolidated",)
#: Or in another precision: ``model.fp16.safetensors`` (huggingface.co/docs/diffusers, Load pipelines: variants).
VARIANT = re.compile(r"(?:model|diffusion_pytorch_model)\.[a-z0-9_]+(?:-\d{5}-of-\d{5})?\.safetensors")


def files_of(path: str) -> list[str]:
    """The paths of the files that `path`, a file, an index or a folder, names: safetensors, else PyTorch's.

    Raises:
        InputFileError: none, one that is missing, or an index that names what is not beside it.
    """
    if os.path.isdir(path):
        names = listed(path) or listed_pytorch(path)
        index = next((name for name in names if name.endswith((INDEX, PYTORCH_INDEX))), "")
        return _of_index(os.path.join(path, index)) if index else _all(path, names)
    return _of_index(path) if path.endswith((INDEX, PYTORCH_INDEX)) else [path]


def listed(folder: str) -> list[str]:
    """Safetensors files and indices in a folder, by name; none where it cannot be read."""
    return [name for name in _names(folder) if name.endswith((ENDING, INDEX))]


def listed_pytorch(folder: str) -> list[str]:
    """The same of PyTorch's: its index, its shards, or one file."""
    names = _names(folder)
    index = [name for name in names if name.endswith(PYTORCH_INDEX)]
    return index or [name for name in names if SHARD.fullmatch(name)] or [name for name in PYTORCH if name in names][:1]


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _all(folder: str, names: list[str]) -> list[str]:
    found = [name for name in names if not name.startswith(TWICE) and not VARIANT.match(name)] or names
    return [os.path.join(folder, name) for name in found]


def _of_index(path: str) -> list[str]:
    data = _read(path)
    where, weights = path, data.get("weight_map")
    if not isinstance(weights, dict) or not weights:
        raise InputFileError(f"'{where}' has no weight_map.", "The index of a checkpoint is expected.")
    shards = sorted({name if isinstance(name, str) else "" for name in weights.values()})
    if len(shards) > MOST_SHARDS:
        raise InputFileError(f"'{where}' names {len(shards):,} files, more than any checkpoint has.")
    for name in shards:
        if not name or name != os.path.basename(name) or name in (".", "..") or "\\" in name or "\0" in name:
            raise InputFileError(
                f"'{where}' names '{visible(name)}', which is no file beside it.",
                "An index that leads out of its own folder is not followed.",
            )
    folder = os.path.dirname(path)
    missing = [name for name in shards if not os.path.isfile(os.path.join(folder, name))]
    if missing:
        raise InputFileError(
            f"'{where}' names {len(shards)} files, and {len(missing)} of them are missing: {visible(missing[0])} …",
            "All shards are needed; their headers are enough.",
        )
    return [os.path.join(folder, name) for name in shards]


def _read(path: str) -> dict[str, Any]:
    expected = "the index of a checkpoint"
    return parsed(read_text(path, MOST_INDEX, expected), path, expected)
