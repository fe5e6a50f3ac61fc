"""The releases of a runtime that were read: `data/releases/<runtime>.yaml`.

What changed between releases is data, so that another one can be asked for, and a log of any of them checked. An entry
holds from its release until the next one. Releases go by dotted numbers (``0.21``, ``v0.19.0``, ``0.33.0-rc2``), by
builds (``b10488``), or by commits, which have no order: one is known only where it was read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any

from llmscale.errors import NotFoundError, UsageError
from llmscale.records import NamedTuple
from llmscale.store.tables import table

#: Numbers with a dot, and what a prerelease, a later build of the same or a fork puts behind them.
_DOTTED = re.compile(r"v?(\d+(?:\.\d+)+)(?:[-.+]?[a-z]\w*)?(?:[-.+]\w+)*")
_BUILD = re.compile(r"b(\d+)")
_COMMIT = re.compile(r"[0-9a-f]{7,40}")


class Release(NamedTuple):
    """A span of releases that have the same rules.

    Attributes:
        since: first release that it holds for.
        read: releases of it that were read, oldest first.
        measured: releases that published figures are of which it is held against.
        source: what was read.
        rules: by name, those that older spans gave included.
    """

    since: str
    read: tuple[str, ...]
    measured: tuple[str, ...]
    source: str
    rules: Mapping[str, Any]


class Version(NamedTuple):
    """A release that has an order: among others of its `scheme`, empty for dotted numbers, ``b`` for builds."""

    scheme: str
    numbers: tuple[int, ...]


@cache
def parsed(name: str) -> Version | None:
    """The order of a release, a prerelease's being that of what it precedes; None for a commit, and for no release."""
    said = name.strip().lower()
    if found := _BUILD.fullmatch(said):
        return Version("b", (int(found[1]),))
    if found := _DOTTED.fullmatch(said):
        numbers = [int(part) for part in found[1].split(".")]
        while numbers and not numbers[-1]:
            numbers.pop()
        return Version("", tuple(numbers))
    return None


@cache
def releases(runtime: str) -> tuple[Release, ...]:
    """The spans of the runtime called `runtime`, oldest first.

    Raises:
        NotFoundError: none was read.
    """
    return tuple(
        Release(one["since"], tuple(one["read"]), tuple(one["measured"]), one["source"], one["rules"])
        for one in _table(runtime)["releases"]
    )


def title(runtime: str) -> str:
    """What releases of `runtime` are releases of: ``vLLM``, ``mlx-lm``."""
    return str(_table(runtime)["title"])


def newest(runtime: str) -> str:
    """The newest release that was read."""
    return releases(runtime)[-1].read[-1]


@cache
def holding(runtime: str, version: str) -> Release:
    """The span that holds for the release called `version`.

    Raises:
        UsageError: no release, or one older than anything that was read; the nearest is in the hint.
    """
    known, asked = releases(runtime), parsed(version)
    for one in known:
        if any(_same(version, name) for name in (one.since, *one.read)):
            return one
    spans = [(one, since) for one in known if (since := parsed(one.since)) and asked and since.scheme == asked.scheme]
    if asked is None or not spans:
        raise UsageError(f"'{version}' is no release of {title(runtime)} that is known.", _nearest(runtime, version))
    until = [one for one, since in spans if since <= asked]
    if not until:
        raise UsageError(
            f"{title(runtime)} {version} is older than anything that was read.", f"{spans[0][0].since} is the oldest."
        )
    return until[-1]


def _table(runtime: str) -> Mapping[str, Any]:
    known: dict[str, Mapping[str, Any]] = table("releases")
    if runtime not in known:
        raise NotFoundError(f"No release of '{runtime}' was read.", f"Of these some were: {', '.join(known)}.")
    return known[runtime]


def _same(said: str, name: str) -> bool:
    """Whether both are the same commit, of which either may be cut short."""
    one, other = said.strip().lower(), name.lower()
    commits = bool(_COMMIT.fullmatch(one) and _COMMIT.fullmatch(other))
    return commits and (one.startswith(other) or other.startswith(one))


def _nearest(runtime: str, version: str) -> str:
    read = [name for one in releases(runtime) for name in one.read]
    close = get_close_matches(version, read, 1)
    return f"Did you mean {close[0]}?" if close else f"The newest that was read is {newest(runtime)}."
