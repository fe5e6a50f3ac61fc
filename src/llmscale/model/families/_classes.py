"""What the classes of transformers read of a config, from the table ``keys`` (`data/keys.yaml`, made by `make oracle`).

A key that no class of a model type asks for cannot change what the class builds. Where a file leaves out a key, the
class assumes a value of its own, and builds what that says.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from llmscale.store.tables import table


def version() -> str:
    """The version of transformers that was read."""
    return str(table("keys")["version"])


def known(model_type: str) -> bool:
    """Whether transformers has a class for `model_type` that was read."""
    return model_type in table("keys")["types"]


def reads(model_type: str, key: str) -> bool:
    """Whether classes of `model_type`, which is known, may ask for `key`."""
    return key in _words(model_type)


def default(model_type: str, key: str) -> Any:
    """What the class assumes where a file leaves `key` out; None where it assumes nothing, or is not known."""
    return _entry(model_type).get("defaults", {}).get(key)


def part(model_type: str, key: str) -> str:
    """The model type of the part `key`, where the class builds always the same; else empty."""
    return str(_entry(model_type).get("parts", {}).get(key, ""))


@lru_cache(64)
def _entry(model_type: str) -> dict[str, Any]:
    text = table("keys")["types"].get(model_type)
    return json.loads(text) if text else {}


@lru_cache(64)
def _words(model_type: str) -> frozenset[str]:
    entry = _entry(model_type)
    return frozenset((*table("keys")["shared"].split(), *entry["reads"].split(), *entry.get("defaults", {})))
