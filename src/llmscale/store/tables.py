"""The facts that ship with the package, read fast: `data/*.yaml` in a compiled form, see `rows`.

Parsing 300 entries of YAML takes 150 ms and more, their compiled form 3 ms. A wheel carries that alone. In a checkout
(`llmscale/__init__.py` hands over a compiler there) a table is made again when a file that it was made with has
changed; which files those were is recorded in it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

from llmscale.store.rows import dumped, parsed

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
COMPILED = os.path.join(PACKAGE, "_data")
ENDING = ".jsonl"

#: Makes a table anew: ``{"made_with": {file: time of its last change}, "data": …}``. None where there is no source.
compiler: Callable[[str], dict[str, Any]] | None = None
#: Tables that were read in this process: what another table was made with.
READ: set[str] = set()


@cache
def table(name: str) -> dict[str, Any]:
    """The compiled table `name`; see `llmscale.compile.registry` for which there are."""
    READ.add(name)
    return _stored(name)["data"]  # type: ignore[no-any-return]


@cache
def _stored(name: str) -> dict[str, Any]:
    """The table with what it was made with; a wheel's has no more than its data."""
    if compiler is None:
        with open(_path(name), "rb") as file:
            return parsed(file.read())
    found = made(name)
    if found is None or not _fresh(found.get("made_with")):
        found = compiler(name)
        _write(_path(name), found)
    return found


def made(name: str) -> dict[str, Any] | None:
    """What is stored of a table, fresh or not; None where nothing readable is."""
    if compiler is None:
        return None
    try:
        with open(_path(name), "rb") as file:
            return parsed(file.read())
    except (OSError, ValueError):
        return None


def made_with(name: str) -> str:
    """What the table `name` was made with, as a text that changes when any of it does; of what ships, its release."""
    READ.add(name)
    if compiler is None:
        return str(import_module(__package__.partition(".")[0]).__version__)
    return json.dumps(_stored(name)["made_with"], sort_keys=True)


def _path(name: str) -> str:
    return os.path.join(COMPILED, f"{name}{ENDING}")


def _fresh(made_with: Any) -> bool:
    return isinstance(made_with, dict) and all(changed(path) == time for path, time in made_with.items())


@cache
def changed(path: str) -> int:
    """When a file, relative to the package, was last changed; 0 when it is not there."""
    try:
        return os.stat(os.path.join(PACKAGE, path)).st_mtime_ns
    except OSError:
        return 0


def _write(path: str, content: dict[str, Any]) -> None:
    """Write whole or not at all; a checkout that cannot be written to only starts more slowly."""
    temporary = f"{path}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(dumped(content))
        os.replace(temporary, path)
    except OSError:
        return
