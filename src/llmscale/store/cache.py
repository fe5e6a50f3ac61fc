"""What was worked out of a file, kept by its content: in `$XDG_CACHE_HOME/llmscale`, as the XDG specification says.

A cache is never needed: where it cannot be read, written or understood, everything is worked out again. An entry is
written whole or not at all, so that several processes at once do no harm, and holds what JSON knows and nothing else.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable
from threading import get_ident
from typing import Any

#: Less is read as fast as its entry would be.
WORTHWHILE = 16 * 1024
#: Entries of a kind; the oldest go.
MOST = 16


def kept(kind: str, content: str, made_with: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `make` gives of `content`, from the cache where it stands there.

    Args:
        kind: a folder of its own.
        made_with: what else it depends on: releases, tables.
    """
    if len(content) < WORTHWHILE:
        return make()
    digest = hashlib.sha256(f"{made_with}\n{content}".encode("utf-8", "surrogatepass")).hexdigest()
    path = os.path.join(folder(), kind, f"{digest}.json")
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
        if isinstance(found, dict):
            return found
    except (OSError, ValueError, RecursionError):
        pass  # not there yet, or spoilt: it is made anew below
    made = make()
    _write(path, made)
    return made


def folder() -> str:
    """Where caches are kept on this system."""
    home = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(home):
        usual = {"win32": "~/AppData/Local", "darwin": "~/Library/Caches"}.get(sys.platform, "~/.cache")
        home = os.path.expanduser(usual)
    return os.path.join(home, "llmscale")


def _write(path: str, content: dict[str, Any]) -> None:
    temporary = f"{path}.{os.getpid()}.{get_ident()}"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        _make_room(os.path.dirname(path))
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(content, file, ensure_ascii=False, separators=(",", ":"))
        os.replace(temporary, path)
    except (OSError, ValueError, TypeError):
        _forget(temporary)


def _make_room(directory: str) -> None:
    entries = sorted(os.scandir(directory), key=lambda entry: entry.stat().st_mtime)
    for entry in entries[: max(0, len(entries) - MOST + 1)]:
        _forget(entry.path)


def _forget(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return
