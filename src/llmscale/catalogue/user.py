"""The user's own catalogue: which file it is, and its models laid over those that ship with llmscale.

One file is in effect: the one named, else the one in ``LLMSCALE_CATALOGUE``, else ``models.yaml`` in the configuration
folder where there is one. It has the schema of ``data/models.yaml`` and comes in by the same door.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from llmscale.names import normal
from llmscale.store.tables import made_with, table
from llmscale.store.text_file import read_text

if TYPE_CHECKING:
    from llmscale.store.cache import Sections

VARIABLE = "LLMSCALE_CATALOGUE"
#: Bytes of a catalogue, some hundred thousand models; it is read in parts.
MOST_BYTES = 64 << 20

#: Where programs keep their configuration where XDG_CONFIG_HOME does not say: variable, and folder when it is not set.
_CONFIG_HOMES = {
    "win32": ("APPDATA", "~/AppData/Roaming"),
    "darwin": ("", "~/Library/Application Support"),
}


def default_location() -> str:
    """``models.yaml`` in the configuration folder, whether or not it is there."""
    home = os.environ.get("XDG_CONFIG_HOME", "")
    # The XDG specification wants relative paths ignored.
    if not os.path.isabs(home):
        variable, folder = _CONFIG_HOMES.get(sys.platform, ("", "~/.config"))
        home = os.environ.get(variable) or os.path.expanduser(folder)
    return os.path.join(home, "llmscale", "models.yaml")


def named_location(named: str | None) -> str | None:
    """The file that `named` or else the environment names; None when neither does."""
    path = named or os.environ.get(VARIABLE)
    return os.path.expanduser(path) if path else None


def location(named: str | None = None) -> str | None:
    """The catalogue in effect; None when there is none. Only the default may be missing without an error."""
    path = named_location(named)
    if path is None and os.path.exists(default := default_location()):
        return default
    return path


def overlaid(path: str) -> dict[str, Any]:
    """The shipped table of models with those of the user's file at `path` over it.

    An entry replaces the shipped one whose id is the same name, which is then found by its old aliases too; a spelling
    that the user's file gives to a model means that model, whatever ships.

    Raises:
        InputFileError: the file cannot be read or does not fit the schema, by file, line and field.
    """
    return _overlaid(path, *_state(path))


def own(path: str) -> dict[str, Any]:
    """The models of the file at `path` alone.

    Raises:
        InputFileError: as `overlaid`.
    """
    return _own(path, *_state(path))


def _state(path: str) -> tuple[int, int]:
    """What changes when the file does."""
    try:
        stat = os.stat(path)
    except OSError:
        return 0, 0
    return stat.st_mtime_ns, stat.st_size


@cache
def _own(path: str, changed: int, size: int) -> dict[str, Any]:
    found = _kept(path)
    return {**found, "entries": _Marked(found["entries"], path)}


def _kept(path: str) -> Sections:
    """The sections of the table of models, and ``replaced``: shipped ids to those that replace them."""
    from llmscale.store.cache import kept  # names each file by a hash, which only those with one of their own need

    text = read_text(path, MOST_BYTES, "a file in YAML")
    depends = f"{made_with('families')} {made_with('keys')} {made_with('models')}"
    return kept("catalogue", text, depends, lambda: _read(path, text))


def _read(path: str, text: str) -> Sections:
    # These bring YAML and pydantic, which only those with a new file of their own need.
    from llmscale.catalogue.schema import check
    from llmscale.store.yaml_file import YamlFile

    mine = check(YamlFile(path, text))
    ids = {normal(model_id): model_id for model_id in mine["entries"]}
    return {**mine, "replaced": {old: ids[normal(old)] for old in table("models")["entries"] if normal(old) in ids}}


@cache
def _overlaid(path: str, changed: int, size: int) -> dict[str, Any]:
    shipped, mine = table("models"), own(path)
    replaced = {old: new for old, new in mine["replaced"].items() if old != new}
    entries, names = shipped["entries"], shipped["names"]
    if replaced:
        entries = {replaced.get(model_id, model_id): fields for model_id, fields in entries.items()}
        names = {spelling: [replaced.get(old, old) for old in found] for spelling, found in names.items()}
    misnomers = {name: answer for name, answer in shipped["misnomers"].items() if normal(name) not in mine["names"]}
    return {
        "entries": _Over(mine["entries"], entries),
        "names": _Over(mine["names"], names),
        "misnomers": {**misnomers, **mine["misnomers"]},
    }


class _Marked(Mapping[str, Any]):
    """Entries with the file that they come from, which may be a copy of the one that was read first."""

    def __init__(self, entries: Mapping[str, Any], origin: str) -> None:
        self._entries, self._origin = entries, origin

    def __getitem__(self, key: str) -> Any:
        return {**self._entries[key], "origin": self._origin}

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


class _Over(Mapping[str, Any]):
    """One mapping over another; what both have stands where the lower one has it."""

    def __init__(self, over: Mapping[str, Any], under: Mapping[str, Any]) -> None:
        self._over, self._under = over, under

    def __getitem__(self, key: str) -> Any:
        try:
            return self._over[key]
        except KeyError:
            return self._under[key]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*self._under, *self._over)))

    def __len__(self) -> int:
        return sum(1 for _ in self)
