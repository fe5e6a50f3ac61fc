"""What `data/releases/<runtime>.yaml` must look like.

A file says what it is the releases of (``title``), and the spans of them, oldest first: by the first release of each
what was read, what it was held against, and the rules that changed. Which rules there are says the runtime's own room,
in `RULES` of its module ``releases``.
"""

from __future__ import annotations

import os
from dataclasses import field, fields
from importlib import import_module
from importlib.util import find_spec
from typing import Any, ClassVar

from llmscale.records import dataclass
from llmscale.runtimes.registry import ROOMS
from llmscale.runtimes.releases import Version, parsed
from llmscale.store.yaml_file import YamlFile


@dataclass(frozen=True)
class ReleaseFile:
    """A whole file."""

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}
    title: str
    releases: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Span:
    """What every span says of itself; see `llmscale.runtimes.releases.Release`."""

    source: str
    read: list[str]
    measured: list[str] = field(default_factory=list)


OWN = {part.name for part in fields(Span)}


def check(*files: YamlFile) -> dict[str, Any]:
    """The table ``releases``: by runtime.

    Raises:
        InputFileError: what does not fit, by file, line and field.
    """
    return {_runtime(file): _checked(file) for file in files}


def _runtime(file: YamlFile) -> str:
    name = os.path.basename(file.path).removesuffix(".yaml")
    if name not in ROOMS:
        raise file.error((), f"there is no runtime called '{name}'.", f"Known: {', '.join(ROOMS)}.")
    return name


def _checked(file: YamlFile) -> dict[str, Any]:
    whole = file.typed(file.mapping("title and releases"), ReleaseFile)
    if not whole.releases:
        raise file.error(("releases",), "releases: none is given.")
    rules = _rules(_runtime(file))
    known: dict[str, Any] = {}
    spans = []
    for since, given in whole.releases.items():
        own = file.typed({name: given[name] for name in OWN & set(given)}, Span, "releases", since)
        changed = {name: value for name, value in given.items() if name not in OWN}
        if unknown := set(changed) - set(getattr(rules, "_fields", ())):
            name = min(map(str, unknown))
            raise file.error(("releases", since, name), f"{since}: {name}: no such field.")
        known = {**known, **changed}
        if rules is not None:
            file.typed(known, rules, "releases", since)
        spans.append({"since": since, "read": own.read, "measured": own.measured, "source": own.source, "rules": known})
    _ordered(file, spans)
    return {"title": whole.title, "releases": spans}


def _rules(runtime: str) -> type[Any] | None:
    """The class of a runtime's rules; None where no rule of it changes with releases."""
    module = f"llmscale.runtimes.{ROOMS[runtime]}"
    if not getattr(import_module(module), "__path__", None) or find_spec(f"{module}.releases") is None:
        return None
    found: type[Any] = import_module(f"{module}.releases").RULES
    return found


def _ordered(file: YamlFile, spans: list[dict[str, Any]]) -> None:
    """Every release that was read lies in its span, and after those before it."""
    before: Version | None = None
    for number, span in enumerate(spans):
        if not span["read"]:
            raise file.error(("releases", span["since"], "read"), f"{span['since']}: read: no release is given.")
        after = parsed(spans[number + 1]["since"]) if number + 1 < len(spans) else None
        for name in (span["since"], *span["read"]):
            version = parsed(name)
            if version is None:
                continue
            if (before is not None and version < before) or (after is not None and version >= after):
                raise file.error(("releases", span["since"]), f"{span['since']}: {name} is out of order.")
            before = version
