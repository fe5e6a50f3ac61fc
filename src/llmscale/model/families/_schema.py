"""What `data/keys.yaml` must look like."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, field
from typing import Any

from llmscale.model.families._packed import common, packed
from llmscale.records import dataclass
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
        keys: by path: what the classes assume; which kinds of other values were tried (``whole``, ``decimal``,
            ``switch``, ``null``; ``list`` of as many numbers, ``lists`` of any, ``nested`` ones, ``empty``, ``words``,
            ``stages`` of a backbone, ``word``, of objects only the class's ``own`` list); which words.
        parts: by path: the model type of a nested config.
        optional: paths of those that a file may leave out, and the class makes as of an empty one.
        aliases: further spelling of a key, by path -> the path.
        labels: how many the classes assume.
        rules: path, whether whatever is said, what the Config makes of the key where it is left open.
        groups: tensors: name, loops, when, shape; see `families.probed`.
        classes: by name: prefix of the names -> numbers of groups; numbers of rules.
    """

    version: str
    keys: dict[str, list[Any]]
    parts: dict[str, str]
    aliases: dict[str, str]
    labels: int
    rules: list[tuple[str, bool, Any]]
    groups: list[tuple[str, list[Any], Any, list[Any]]]
    classes: dict[str, tuple[dict[str, list[int]], list[int]]]
    optional: list[str] = field(default_factory=list)


def check_probed(*files: YamlFile) -> dict[str, Any]:
    """The table ``probed``: by model type, the content of its file, packed each by itself (`_packed`).

    Raises:
        InputFileError: an entry that does not fit.
    """
    found = {}
    for file in files:
        entry = json.loads(file.text)
        file.typed(entry, Probed)
        found[os.path.splitext(os.path.basename(file.path))[0]] = entry
    words = common(found.values())
    types = {name: packed(entry, words) for name, entry in found.items()}
    classes = {name: sorted(entry["classes"]) for name, entry in found.items()}
    return {"types": types, "classes": classes, "words": words}


def check_keys(file: YamlFile) -> dict[str, Any]:
    """The table ``keys``; an entry is a text of its own, so that of all only the one needed is taken apart.

    Raises:
        InputFileError: an entry that does not fit.
    """
    given = file.typed(file.content(), Keys)
    types = {name: json.dumps(asdict(entry), separators=(",", ":")) for name, entry in given.types.items()}
    return {"version": given.version, "shared": given.shared, "types": types}
