"""What Python hands over, as answers take it: one or several, paths, configs, numbers as people write them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from llmscale.errors import UsageError
from llmscale.units import parse_tokens


class ConfigObject(Protocol):
    """A config of transformers, or anything else that can say itself as a dictionary."""

    def to_dict(self) -> dict[str, Any]:
        """As ``config.json`` has it."""
        ...


#: A name or size, a path, the content of a config.json, or a config of transformers.
ModelLike = str | os.PathLike[str] | Mapping[str, Any] | ConfigObject
#: One or several.
Names = str | Iterable[str]


def reference(model: ModelLike) -> str:
    """What names the model to `load`.

    Raises:
        UsageError: what can name none.
    """
    if isinstance(model, str):
        return model
    if isinstance(model, os.PathLike):
        path = os.fspath(model)
        return path if os.path.isabs(path) or path.startswith((".", "~")) else os.path.join(".", path)
    if isinstance(model, Mapping):
        return json.dumps(dict(model), default=str)
    # What differs from the defaults is what a config.json holds; the defaults are the families' own.
    said = getattr(model, "to_diff_dict", None) or getattr(model, "to_dict", None)
    if not callable(said):
        raise UsageError(
            f"A {type(model).__name__} is no model.",
            "Name one, or hand over a path, the content of a config.json or a config of transformers.",
        )
    return json.dumps({"_name_or_path": getattr(model, "_name_or_path", ""), **said()}, default=str)


def several(names: Names | None, more: Names | None = None) -> list[str]:
    """The names of both arguments; a string is one.

    Raises:
        UsageError: what is no text, and not several.
    """
    found: list[str] = []
    for given in (names, more):
        if given is None or given == "":
            continue
        each = [given] if isinstance(given, (str, bytes)) or not isinstance(given, Iterable) else list(given)
        for name in each:
            if not isinstance(name, str):
                raise UsageError(f"A name is text, not a {type(name).__name__}.", "For example 'q4_k_m'.")
        found += each
    return found


#: Arguments that are text, or None.
TEXTS = ("kv_dtype", "runtime", "reserve", "quant_map", "sparsity", "assume", "purpose", "licence", "sort")


def texts(said: Mapping[str, Any]) -> None:
    """Raises:
    UsageError: another thing where a text is expected.
    """
    for name in TEXTS:
        value = said.get(name)
        if not isinstance(value, str) and (value is not None or (name in said and name in ("kv_dtype", "sort"))):
            raise UsageError(f"{name} is text, not a {type(value).__name__}.")


def references(models: ModelLike | Iterable[ModelLike] | None) -> list[str]:
    """Models, one or several."""
    if models is None:
        return []
    if isinstance(models, (list, tuple, set, frozenset)):
        return [reference(model) for model in models]
    return [reference(models)]  # type: ignore[arg-type]


def tokens(count: int | str | None, called: str = "--context") -> int | None:
    """A context, or another number of tokens: ``8192`` or ``"8k"``."""
    return parse_tokens(count, called) if isinstance(count, str) else count


def options(given: Mapping[str, Any] | None, named: Mapping[str, Any]) -> dict[str, Any]:
    """Options of runtimes, in a mapping or as keywords."""
    return {**(given or {}), **named}
