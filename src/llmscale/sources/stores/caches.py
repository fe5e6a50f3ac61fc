"""Folders of repositories as huggingface_hub keeps them, each with its snapshots; files loose in it as well.

Sources: github.com/huggingface/huggingface_hub: docs (Understand caching); github.com/ggml-org/llama.cpp:
common/hf-cache.cpp, which writes the same folders.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from llmscale.sources.hub.downloaded import REPOSITORY, commit_of
from llmscale.sources.stores.folders import inside, models_in
from llmscale.sources.stores.interface import Broken, Found

#: Files of a branch that nobody named.
MAIN = "main"
#: Letters of a commit that tell it from others.
SHORT = 8


def repositories(root: str) -> Iterator[Found]:
    """The models of all repositories, then those that lie beside them."""
    for name in _names(root):
        path = os.path.join(root, name)
        if not name.startswith(REPOSITORY):
            continue
        if not inside(path, os.path.realpath(root)):
            yield Broken(path, "a link out of the folder, which is not followed")
        else:
            yield from _snapshots(path, name.removeprefix(REPOSITORY).replace("--", "/"))


def loose(root: str) -> Iterator[Found]:
    """The models of repositories, and GGUF files as llama.cpp kept them before: common/common.cpp,
    `fs_get_cache_directory`."""
    yield from repositories(root)
    if not any(name.startswith(REPOSITORY) for name in _names(root)):
        yield from models_in(root)


def _snapshots(path: str, repository: str) -> Iterator[Found]:
    main, root = commit_of(path, MAIN), os.path.join(path, "snapshots")
    for commit in _names(root):
        called = repository if commit == main else f"{repository}@{commit[:SHORT]}"
        yield from models_in(os.path.join(root, commit), path, called)


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []
