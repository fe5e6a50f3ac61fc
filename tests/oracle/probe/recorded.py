"""What `data/probed/` has of a class already: where it explains new configs as well, nothing is derived anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import transformers

from tests.oracle.probe.derive import Group
from tests.oracle.probe.settle import Rule

TARGET = Path(__file__).parents[3] / "data" / "probed"


def recorded(model_type: str, class_name: str) -> tuple[list[Group], list[Rule]] | None:
    """The groups and rules of a class; None where it was not derived, or from another transformers."""
    entry = _entry(model_type)
    if class_name not in entry.get("classes", {}):
        return None
    tensors, numbers = entry["classes"][class_name]
    groups = []
    for prefix, members in tensors.items():
        for number in members:
            name, loops, when, shape = entry["groups"][number]
            groups.append(Group(prefix + name, tuple(loops), when, tuple(shape)))
    return groups, [Rule(*entry["rules"][number]) for number in numbers]


def tried(model_type: str) -> dict[str, list[Any]]:
    """By path of a key, what was tried of it when the type was derived."""
    keys: dict[str, list[Any]] = _entry(model_type).get("keys", {})
    return keys


def _entry(model_type: str) -> dict[str, Any]:
    file = TARGET / f"{model_type}.json"
    entry: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return entry if entry.get("version") == transformers.__version__ else {}
