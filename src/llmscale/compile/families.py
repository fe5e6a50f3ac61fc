"""Which module of `llmscale.model.families` reads which ``model_type``: each says so itself, in its `MODEL_TYPES`."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from llmscale.errors import InputFileError
from llmscale.model import families as package
from llmscale.model.derived import READER


def families() -> dict[str, str]:
    """By model type, in the order of the alphabet.

    Raises:
        InputFileError: two modules read the same one.
    """
    found: dict[str, str] = {}
    for name in sorted(module.name for module in iter_modules(package.__path__)):
        if name.startswith("_"):  # what several families share
            continue
        for model_type in import_module(f"{package.__name__}.{name}").MODEL_TYPES:
            other = found.setdefault(model_type, name)
            if READER in (other, name):  # a family that somebody wrote reads the type; what it refuses, see `derived`
                found[model_type] = name if other == READER else other
            elif other != name:
                raise InputFileError(f"'{model_type}' is among the MODEL_TYPES of two families: {other} and {name}.")
    return dict(sorted(found.items()))
