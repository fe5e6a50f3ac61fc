"""What `data/keys.yaml` must look like."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from llmscale.store.yaml_file import YamlFile


@dataclass(frozen=True)
class ClassKeys:
    """What the classes of one model type read.

    Attributes:
        reads: names they may ask a config for, besides those that the base of all asks for, with spaces between.
        defaults: what the class assumes where a file leaves a key out.
        parts: the model types of nested configs.
    """

    reads: str
    defaults: dict[str, Any] = field(default_factory=dict)
    parts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Keys:
    """The file.

    Attributes:
        version: of transformers.
        shared: names that the base of all classes asks for, with spaces between.
    """

    version: str
    shared: str
    types: dict[str, ClassKeys]


def check_keys(file: YamlFile) -> dict[str, Any]:
    """The table ``keys``; an entry is a text of its own, so that of all only the one needed is taken apart.

    Raises:
        InputFileError: an entry that does not fit.
    """
    given = file.typed(file.content(), Keys)
    types = {name: json.dumps(asdict(entry), separators=(",", ":")) for name, entry in given.types.items()}
    return {"version": given.version, "shared": given.shared, "types": types}
