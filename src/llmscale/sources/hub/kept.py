"""What was read of a hub, on this disk: lists of files, configs and headers, by commit, so that it answers offline too.

A folder for each hub and repository: ``refs/`` says which commit a branch was, ``<commit>.json`` which files that has,
``<commit>/`` holds those that were read, of files with tensors the header alone. Nothing is ever changed in place.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from llmscale.errors import InputFileError
from llmscale.names import visible
from llmscale.records import NamedTuple

VARIABLE = "LLMSCALE_CACHE"
MOST_LIST, MOST_FILES, MOST_PATH = 32 << 20, 100_000, 400
COMMIT = re.compile(r"[0-9A-Za-z]{6,64}")
_BAD = re.compile(r'[\\:*?"<>|\x00-\x1f]')


class Listing(NamedTuple):
    """A repository at a commit: its files and their bytes, None where the hub does not say."""

    repo: str
    commit: str
    files: Mapping[str, int | None]


def root() -> str:
    """The folder of all that is kept."""
    if named := os.environ.get(VARIABLE):
        return os.path.join(named, "hub")
    home = os.path.expanduser("~")
    usual = {"win32": os.environ.get("LOCALAPPDATA") or home, "darwin": os.path.join(home, "Library", "Caches")}
    base = os.environ.get("XDG_CACHE_HOME") or usual.get(sys.platform) or os.path.join(home, ".cache")
    return os.path.join(base, "llmscale", "hub")


def home_of(endpoint: str, repo: str) -> str:
    """The folder of a repository."""
    return os.path.join(root(), quote(urlsplit(endpoint).netloc, safe=""), repo.replace("/", "--"))


def path_of(home: str, commit: str, name: str) -> str:
    """Where a file of a commit is kept."""
    return os.path.join(home, commit, *name.split("/"))


def is_path(name: object) -> bool:
    """Whether a file may be called so: no way out of its folder, and nothing that a disk cannot hold."""
    if not isinstance(name, str) or not 0 < len(name) <= MOST_PATH or _BAD.search(name):
        return False
    return all(part.strip(" .") and len(part) <= 200 for part in name.split("/"))


def listing_of(repo: str, data: Mapping[str, Any]) -> Listing | None:
    """The answer of ``/api/models/…?blobs=true``; None where it is none."""
    commit, siblings = data.get("sha"), data.get("siblings")
    if not isinstance(commit, str) or not COMMIT.fullmatch(commit) or not isinstance(siblings, list):
        return None
    files: dict[str, int | None] = {}
    for each in siblings[:MOST_FILES]:
        name, size = (each.get("rfilename"), each.get("size")) if isinstance(each, dict) else (None, None)
        if isinstance(name, str) and is_path(name):
            files[name] = size if type(size) is int and 0 <= size < 1 << 48 else None
    return Listing(repo, commit, files)


def keep_listing(home: str, revision: str, listing: Listing) -> None:
    """Keep which commit a revision is, and its files."""
    siblings = [{"rfilename": name, "size": size} for name, size in listing.files.items()]
    write(
        os.path.join(home, f"{listing.commit}.json"), json.dumps({"sha": listing.commit, "siblings": siblings}).encode()
    )
    write(os.path.join(home, "refs", quote(revision, safe="")), listing.commit.encode())


def kept_listing(home: str, repo: str, revision: str) -> Listing | None:
    """The files of a repository as they were seen last; None where it never was."""
    try:
        with open(os.path.join(home, "refs", quote(revision, safe="")), encoding="ascii") as file:
            commit = file.read(80)
        if not COMMIT.fullmatch(commit):
            return None
        with open(os.path.join(home, f"{commit}.json"), encoding="utf-8") as file:
            data = json.loads(file.read(MOST_LIST))
    except (OSError, ValueError, RecursionError):
        return None
    return listing_of(repo, data) if isinstance(data, dict) else None


def write(path: str, data: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        InputFileError: the folder cannot be written.
    """
    folder = os.path.dirname(path)
    try:
        os.makedirs(folder, exist_ok=True)
        handle, part = tempfile.mkstemp(dir=folder, prefix=".part-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            os.replace(part, path)
        except BaseException:
            os.unlink(part)
            raise
    except OSError as error:
        raise InputFileError(
            f"What a hub says cannot be kept in '{visible(folder, 150)}': {error.strerror}.",
            f"Set {VARIABLE} to a folder.",
        ) from None
