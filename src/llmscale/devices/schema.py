"""What `data/devices.yaml` must look like."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Any

from llmscale.devices.device import Device, Interconnect
from llmscale.devices.keys import SIZE_WORD
from llmscale.names import normal
from llmscale.store.yaml_file import Entries, YamlFile, checked, spellings

LINK = frozenset(part.name for part in fields(Interconnect))


def check(file: YamlFile) -> dict[str, Any]:
    """The table ``devices``: entries by id, every spelling of their names, and those that differ in memory alone.

    Raises:
        InputFileError: an entry that does not fit.
    """
    entries = checked(file.mapping(), Device, file, _link_checked)
    return {"entries": entries, "names": spellings(entries, file), "sizes": _sizes(entries)}


def _sizes(entries: Entries) -> dict[str, list[str]]:
    """Of each device of which others differ in memory alone all of them, by what is left of their names without it."""
    alike: dict[str, list[str]] = {}
    for device_id, entry in entries.items():
        alike.setdefault(normal(re.sub(SIZE_WORD, " ", entry["name"].lower())), []).append(device_id)
    return {device_id: ids for ids in alike.values() if len(ids) > 1 for device_id in ids}


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
