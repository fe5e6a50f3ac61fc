"""What `data/device_names.yaml` must look like, and the table ``device_names`` that is made of it and the devices.

Of every spelling the key is kept: its words without those that say who made it (`keys`).
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from llmscale.devices.keys import key
from llmscale.records import dataclass
from llmscale.store.tables import table
from llmscale.store.yaml_file import YamlFile


@dataclass(frozen=True)
class DeviceNames:
    """The file."""

    noise: list[str]
    phrases: dict[str, str]
    targets: dict[str, list[str]]
    counts: dict[str, int]
    pci: dict[str, str]


def check(file: YamlFile) -> dict[str, Any]:
    """The table ``device_names``.

    Raises:
        InputFileError: a target of a device that there is not.
    """
    given = file.typed(file.mapping("what is named to names"), DeviceNames)
    entries = table("devices")["entries"]
    for target, ids in given.targets.items():
        if unknown := [one for one in ids if one not in entries]:
            raise file.error(("targets", target), f"{target}: there is no device '{unknown[0]}'.")
    keys: dict[str, list[str]] = {}
    for device_id, entry in entries.items():
        for spelling in (device_id, entry["name"], entry["driver_name"], *entry["aliases"]):
            found = keys.setdefault(key(spelling, given.noise), [])
            if spelling and device_id not in found:
                found.append(device_id)
    return {**asdict(given), "keys": {name: ids for name, ids in keys.items() if name}}
