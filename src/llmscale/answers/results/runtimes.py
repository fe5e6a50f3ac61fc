"""Answers of ``runtimes`` and ``plugins``."""

from __future__ import annotations

from dataclasses import field

from llmscale.answers.results.common import SCHEMA
from llmscale.records import dataclass


@dataclass
class ReleaseLine:
    """A span of releases that behave alike: the first of them, those that were `read`, those whose published figures
    it is held against (`measured`), and what was read."""

    since: str
    read: tuple[str, ...]
    measured: tuple[str, ...]
    source: str


@dataclass
class OptionLine:
    """An option: its `flags` as one types them and its help."""

    name: str
    flags: tuple[str, ...]
    help: str


@dataclass
class RuntimeLine:
    """One runtime: the `release` that answers where none is named, whose devices it is modelled on, how many quants it
    runs, another runtime that does the work (`engine`), its spans of releases, oldest first, and its options."""

    name: str
    title: str
    release: str
    vendors: tuple[str, ...]
    quants: int
    engine: str
    source: str
    releases: tuple[ReleaseLine, ...]
    options: tuple[OptionLine, ...]


@dataclass
class RuntimesResult:
    """Answer of ``runtimes``."""

    runtimes: tuple[RuntimeLine, ...]
    schema: str = field(default=SCHEMA, init=False)
    command: str = field(default="runtimes", init=False)


@dataclass
class PluginLine:
    """What a package brings: the `kind` of thing, the `package` with its version, and why it cannot be loaded
    (`trouble`, empty where it can)."""

    kind: str
    name: str
    package: str
    trouble: str


@dataclass
class PluginsResult:
    """Answer of ``plugins``: what is installed, and what each kind is."""

    plugins: tuple[PluginLine, ...]
    kinds: dict[str, str]
    schema: str = field(default=SCHEMA, init=False)
    command: str = field(default="plugins", init=False)
