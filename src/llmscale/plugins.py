"""What other packages bring, by their entry points in groups ``llmscale.<kind>``.

Installed packages are looked through only for a name that is not built in, since that takes tens of milliseconds.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from llmscale.records import NamedTuple

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "llmscale."
#: What a package can bring, and what its entry point names.
KINDS = {
    "runtimes": "a module with INFO and runtime(release)",
    "sources": "a module or object with name, needs, claims and load",
    "families": "a module with MODEL_TYPES and read(config)",
    "quants": "the path of a YAML file of quants, as data/quants.yaml",
    "catalogues": "the path of a YAML file of models, as data/models.yaml",
    "writers": "a module or object with name, needs and write",
    "detectors": "an object with name and devices()",
    "trainers": "a module with INFO and trainer()",
}


class Plugin(NamedTuple):
    """One entry point.

    Attributes:
        kind: one of `KINDS`.
        package: what brings it, with its version.
        trouble: why it cannot be loaded; empty where it can.
    """

    kind: str
    name: str
    package: str
    trouble: str = ""


def find(kind: str, name: str) -> Any | None:
    """What is brought under this name, loaded; None where nothing is, or what is cannot be loaded."""
    return next((_loaded(kind, point) for point in _points(kind) if point.name == name), None)


def every(kind: str) -> Iterator[tuple[str, Any]]:
    """All of a kind that can be loaded, by name."""
    for point in _points(kind):
        found = _loaded(kind, point)
        if found is not None:
            yield point.name, found


def names(kind: str) -> list[str]:
    """The names of a kind, loading none."""
    return [point.name for point in _points(kind)]


def listed() -> list[Plugin]:
    """All that installed packages bring, each loaded once to see whether it can be."""
    return [
        Plugin(kind, point.name, _package(point), _trouble(kind, point.name) or "")
        for kind in KINDS
        for point in _points(kind)
    ]


@cache
def _points(kind: str) -> tuple[EntryPoint, ...]:
    from importlib.metadata import entry_points

    return tuple(sorted(entry_points(group=GROUP + kind), key=lambda point: point.name))


def _loaded(kind: str, point: EntryPoint) -> Any | None:
    trouble = _trouble(kind, point.name)
    if trouble:
        sys.stderr.write(f"llmscale: the plugin '{point.name}' of {_package(point)} cannot be loaded: {trouble}\n")
        return None
    return _load(kind, point.name)


@cache
def _load(kind: str, name: str) -> Any:
    return next(point for point in _points(kind) if point.name == name).load()


@cache
def _trouble(kind: str, name: str) -> str | None:
    try:
        _load(kind, name)
    except Exception as error:  # whatever another package does must not end this program
        return f"{type(error).__name__}: {error}".splitlines()[0][:200]
    return None


def _package(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else "an unknown package"
