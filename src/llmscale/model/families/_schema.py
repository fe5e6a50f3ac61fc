"""What `data/keys.yaml` must look like."""

from __future__ import annotations

import json
import os
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


@dataclass(frozen=True)
class Probed:
    """A file of `data/probed/`.

    Attributes:
        version: of transformers.
        keys: path to what the classes assume; null where they make it of others.
        classes: by name, groups of tensors: name, loops, when, shape; see `families.probed`.
    """

    version: str
    keys: dict[str, Any]
    classes: dict[str, list[tuple[str, list[Any], Any, list[Any]]]]


def check_probed(*files: YamlFile) -> dict[str, Any]:
    """The table ``probed``: by model type, the name of its file; each entry a text of its own, as in ``keys``.

    Raises:
        InputFileError: an entry that does not fit.
    """
    types = {}
    for file in files:
        entry = json.loads(file.text)
        file.typed(entry, Probed)
        types[os.path.splitext(os.path.basename(file.path))[0]] = json.dumps(entry, separators=(",", ":"))
    return {"types": types}


def check_keys(file: YamlFile) -> dict[str, Any]:
    """The table ``keys``; an entry is a text of its own, so that of all only the one needed is taken apart.

    Raises:
        InputFileError: an entry that does not fit.
    """
    given = file.typed(file.content(), Keys)
    types = {name: json.dumps(asdict(entry), separators=(",", ":")) for name, entry in given.types.items()}
    return {"version": given.version, "shared": given.shared, "types": types}
