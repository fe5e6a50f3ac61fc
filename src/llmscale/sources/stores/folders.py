"""Models in a tree of folders, by their files' names; no link is followed out of the tree, and no file opened but
configs.

A GGUF model is one file or the parts of one; a folder with safetensors files, or PyTorch's, is one checkpoint.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from llmscale.errors import LlmscaleError
from llmscale.sources import pipeline_folder, sentence_folder
from llmscale.sources.checkpoint import files as checkpoint
from llmscale.sources.config_json import read
from llmscale.sources.gguf.split import COMPANION, ENDING, PART
from llmscale.sources.stores.interface import Broken, Found, KeptModel, Kind

#: Files that say of a folder that its model is in several below it.
COMPOSED = {pipeline_folder.INDEX: Kind.PIPELINE, sentence_folder.MODULES: Kind.SENTENCES}
#: Folders and files that are looked at in one tree; one with more is no folder of models.
MOST_ENTRIES = 50_000
#: Keys of a config.json by which MLX says that it quantised (mlx_lm/utils.py: `save_config`).
MLX = ("bits", "group_size")


def models_in(root: str, within: str = "", called: str = "") -> Iterator[Found]:
    """The models below `root`, in order.

    Args:
        within: the folder that no link may lead out of; `root` when empty.
        called: what they are called; the path below `root` when empty.
    """
    bound = os.path.realpath(within or root)
    left = MOST_ENTRIES
    for folder, folders, names in os.walk(root):
        folders.sort()
        yield from _links(folder, folders, bound)
        left -= len(names) + len(folders)
        if left < 0:
            yield Broken(folder, f"more than {MOST_ENTRIES:,} files: the rest is not looked at")
            return
        below = os.path.relpath(folder, root).replace(os.sep, "/")
        where = "/".join(part for part in (called, "" if below == "." else below) if part)
        yield from _gguf(folder, names, where, bound)
        composed = next((kind for name, kind in COMPOSED.items() if name in names), None)
        if composed is not None and any(_has_weights(os.path.join(folder, name)) for name in folders):
            yield _checkpoint(folder, ["", *folders], where, bound, composed)
            folders.clear()
        elif _has_weights(folder):
            yield _checkpoint(folder, [""], where, bound)


def inside(path: str, bound: str) -> bool:
    """Whether a path leads into a folder, whatever links there are on its way."""
    return os.path.realpath(path).startswith(os.path.join(bound, ""))


def _links(folder: str, folders: list[str], bound: str) -> Iterator[Broken]:
    for name in folders:
        path = os.path.join(folder, name)
        if os.path.islink(path) and not inside(path, bound):
            yield Broken(path, "a link out of the folder, which is not followed")


def _gguf(folder: str, names: list[str], where: str, bound: str) -> Iterator[Found]:
    models: dict[str, list[str]] = {}
    for name in sorted(names):
        if name.lower().endswith(ENDING):
            match = PART.fullmatch(name)
            models.setdefault(match[1] if match else name[: -len(ENDING)], []).append(name)
    for model, parts in models.items():
        paths = [os.path.join(folder, name) for name in parts]
        kind = Kind.TOWERS if COMPANION.search(parts[0]) else Kind.GGUF
        yield _held(f"{where}/{model}" if where else model, paths[0], kind, paths, bound)


def _has_weights(folder: str) -> bool:
    return bool(checkpoint.listed(folder) or checkpoint.listed_pytorch(folder))


def _checkpoint(folder: str, parts: list[str], where: str, bound: str, kind: Kind | None = None) -> Found:
    """The checkpoint of a folder, or of some parts of it."""
    try:
        having = [path for part in parts if _has_weights(path := os.path.join(folder, part) if part else folder)]
        paths = [path for part in having for path in checkpoint.files_of(part)]
        kind = kind or _kind(folder, bound)
    except LlmscaleError as error:
        return Broken(folder, error.message)
    return _held(where or os.path.basename(folder), folder, kind, paths, bound)


def _kind(folder: str, bound: str) -> Kind:
    path = os.path.join(folder, "config.json")
    if not checkpoint.listed(folder):
        return Kind.PYTORCH
    if not os.path.isfile(path) or not inside(path, bound):
        return Kind.SAFETENSORS
    said = read(path).get("quantization")
    return Kind.MLX if isinstance(said, dict) and all(key in said for key in MLX) else Kind.SAFETENSORS


def _held(name: str, reference: str, kind: Kind, paths: list[str], bound: str) -> Found:
    for path in paths:
        if why := _unreadable(path, bound):
            return Broken(path, why)
    return KeptModel(name, reference, kind, tuple(paths))


def _unreadable(path: str, bound: str) -> str:
    """Why a file is not read; empty where it may be."""
    if not inside(path, bound):
        return "a link out of the folder, which is not followed"
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        return f"{error.strerror}"
    return "" if stat.S_ISREG(mode) else "no file"
