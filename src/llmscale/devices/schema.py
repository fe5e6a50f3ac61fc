"""What `data/devices.yaml` must look like."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from llmscale.devices.device import Device, Interconnect
from llmscale.store.yaml_file import YamlFile, checked, spellings

LINK = frozenset(part.name for part in fields(Interconnect))


def check(file: YamlFile) -> dict[str, Any]:
    """The table ``devices``: entries by id, and every spelling of their names.

    Raises:
        InputFileError: an entry that does not fit.
    """
    entries = checked(file.mapping(), Device, file, _link_checked)
    return {"entries": entries, "names": spellings(entries, file)}


def _link_checked(given: dict[str, Any]) -> dict[str, Any]:
    """What is given, where its link has no field that there is not, and no number that is not above zero."""
    link = given.get("link")
    if isinstance(link, dict):
        if unknown := set(link) - LINK:
            raise ValueError(f"link.{min(map(str, unknown))}: no such field")
        for name, value in link.items():
            if isinstance(value, (int, float)) and not isinstance(value, bool) and not 0 < value < float("inf"):
                raise ValueError(f"link.{name}: {value} does not lie above 0")
    return dict(given)
