"""What huggingface_hub has downloaded: its cache, and the snapshot of a repository in it.

Source: github.com/huggingface/huggingface_hub: constants.py (`HF_HUB_CACHE`, `HF_HOME`), docs (Understand caching).
"""

from __future__ import annotations

import os
import re

from llmscale.store.opened import opener

#: What a folder of a repository of models is called before its name.
REPOSITORY = "models--"
_COMMIT = re.compile(r"[0-9a-f]{6,64}")


def cache_of_library() -> str:
    """Where huggingface_hub keeps what it downloads."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    home = os.environ.get("HF_HOME") or os.path.join(base, "huggingface")
    return os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE") or os.path.join(home, "hub")


def commit_of(folder: str, revision: str) -> str:
    """The commit that a branch was when it was downloaded into the folder of a repository; empty where none was."""
    try:
        with open(os.path.join(folder, "refs", *revision.split("/")), encoding="ascii", opener=opener) as file:
            commit = file.read(80).strip()
    except (OSError, ValueError):
        return ""
    return commit if _COMMIT.fullmatch(commit) else ""


def snapshot(repo: str, revision: str) -> str:
    """The folder of a revision that huggingface_hub has downloaded; empty where it has not."""
    base = os.path.join(cache_of_library(), f"{REPOSITORY}{repo.replace('/', '--')}")
    commit = commit_of(base, revision) or revision
    if not _COMMIT.fullmatch(commit):
        return ""
    folder = os.path.join(base, "snapshots", commit)
    return folder if os.path.isdir(folder) else ""
