"""The user's own catalogue: which file it is, and its models laid over those that ship with llmscale.

One file is in effect: the one named, else the one in ``LLMSCALE_CATALOGUE``, else ``models.yaml`` in the configuration
folder where there is one. It has the schema of ``data/models.yaml`` and comes in by the same door.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from typing import Any

from llmscale.names import normal
from llmscale.store.tables import made_with, table
from llmscale.store.text_file import read_text

VARIABLE = "LLMSCALE_CATALOGUE"
#: Bytes of a catalogue.
MOST_BYTES = 4 << 20

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
    try:
        stat = os.stat(path)
    except OSError:
        return _overlaid(path, 0, 0)
    return _overlaid(path, stat.st_mtime_ns, stat.st_size)


def own(path: str) -> dict[str, Any]:
    """The models of the file at `path` alone.

    Raises:
        InputFileError: as `overlaid`.
    """
    from llmscale.store.cache import kept  # names each file by a hash, which only those with one of their own need

    text = read_text(path, MOST_BYTES, "a file in YAML")
    depends = f"{made_with('families')} {made_with('keys')}"
    found = kept("catalogue", text, depends, lambda: _read(path, text))
    for fields in found["entries"].values():
        fields["origin"] = path
    return found


def _read(path: str, text: str) -> dict[str, Any]:
    # These bring YAML and pydantic, which only those with a new file of their own need.
    from llmscale.catalogue.schema import check
    from llmscale.store.yaml_file import YamlFile

    return check(YamlFile(path, text))


@cache
def _overlaid(path: str, changed: int, size: int) -> dict[str, Any]:
    shipped, mine = table("models"), own(path)
    ids = {normal(model_id): model_id for model_id in mine["entries"]}
    replaced = {old: ids[normal(old)] for old in shipped["entries"] if normal(old) in ids}
    entries = {
        replaced.get(model_id, model_id): mine["entries"][replaced[model_id]] if model_id in replaced else fields
        for model_id, fields in shipped["entries"].items()
    }
    names = {
        spelling: [replaced.get(model_id, model_id) for model_id in found]
        for spelling, found in shipped["names"].items()
    }
    misnomers = {name: answer for name, answer in shipped["misnomers"].items() if normal(name) not in mine["names"]}
    return {
        "entries": {**entries, **mine["entries"]},
        "names": {**names, **mine["names"]},
        "misnomers": {**misnomers, **mine["misnomers"]},
    }
