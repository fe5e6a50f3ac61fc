"""Answers of ``check``."""

from __future__ import annotations

from dataclasses import field

from llmscale.answers.results.common import SCHEMA
from llmscale.records import dataclass


@dataclass
class CheckedModel:
    """One line of ``models check``: stated against counted; `difference` the written reason where they differ,
    `source` whose entry it is: ``llmscale`` or ``user``."""

    id: str
    stated: int
    counted: int
    relative: float
    difference: str
    explained: bool
    source: str


@dataclass
class CheckedContext:
    """A model whose `context` is not the limit of its own config."""

    id: str
    stated: int | None
    limit: int
    source: str


@dataclass
class CheckedDevice:
    """One line of ``devices check``: the fields that are not known, and those not checked against a source."""

    id: str
    missing: tuple[str, ...]
    recalled: tuple[str, ...]


@dataclass
class DeviceCheckResult:
    """Answer of ``devices check``: devices of which something is not known or not checked; `incomplete` of them lack
    something. `file` is the user's own, empty for what ships."""

    checked: int
    devices: tuple[CheckedDevice, ...]
    incomplete: int
    file: str
    schema: str = field(default=SCHEMA, init=False)
    command: str = field(default="devices check", init=False)


@dataclass
class CheckResult:
    """Answer of ``models check``; `recalled` are models whose hyper-parameters were read nowhere."""

    checked: int
    differing: tuple[CheckedModel, ...]
    unexplained: int
    contexts: tuple[CheckedContext, ...] = ()
    recalled: tuple[str, ...] = ()
    schema: str = field(default=SCHEMA, init=False)
    command: str = field(default="models check", init=False)
