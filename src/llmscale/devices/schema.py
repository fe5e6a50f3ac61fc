"""What `data/devices.yaml` must look like."""

from __future__ import annotations

from typing import Any

from llmscale.devices.device import Device
from llmscale.store.yaml_file import YamlFile, checked, spellings


def check(file: YamlFile) -> dict[str, Any]:
    """The table ``devices``: entries by id, and every spelling of their names.

    Raises:
        InputFileError: an entry that does not fit.
    """
    entries = checked(file.mapping(), Device, file)
    return {"entries": entries, "names": spellings(entries, file)}
