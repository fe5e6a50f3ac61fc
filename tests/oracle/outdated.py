"""What has to be made again of a record, why, and the one line that says so. Needs no torch."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
#: Names that a line has at most of each reason.
SHOWN = 5


class Outdated(NamedTuple):
    """One thing to make again: why, its name, and the part of the record that the command makes it with."""

    why: str
    name: str
    part: str


def pins(*extras: str) -> dict[str, str]:
    """The version of each library that pyproject.toml names exactly for these extras; the last one decides."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    found: dict[str, str] = {}
    for extra in extras:
        _, _, listed = text.partition(f"\n{extra} = [")
        found |= re.findall(r'"([\w-]+)==([\w.]+)"', listed.partition("]")[0])
    return found


def other_version(made_with: str, pinned: Mapping[str, str]) -> str | None:
    """Which library of ``name version, name version`` is older than the pinned one; a local build is its release.

    A row of a newer one stays: it holds what the pinned one has no class for yet.
    """
    for library, version in (one.split() for one in made_with.split(", ")):
        release = version.partition("+")[0]
        if _numbers(release) < _numbers(pinned.get(library, release)):
            return f"made with {library} {release}, not {pinned[library]}"
    return None


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", release))


def line(path: Path, command: str, found: Iterable[Outdated], parts: Collection[str]) -> str | None:
    """What to type for one record, and why; None where nothing is outdated.

    `command` ends with the variable that names parts of it; where all `parts` have to be made again, nobody needs it.
    """
    reasons: dict[str, list[str]] = defaultdict(list)
    again = set()
    for each in found:
        reasons[each.why].append(each.name)
        again.add(each.part)
    if not again:
        return None
    run = command.rpartition(" ")[0] if again >= set(parts) else f'{command}="{" ".join(sorted(again))}"'
    said = "; ".join(f"{why}: {_some(names)}" for why, names in sorted(reasons.items()))
    return f"{path.relative_to(ROOT).as_posix()} is stale: run {run} ({said})"


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:SHOWN])
    return shown if len(names) <= SHOWN else f"{shown} and {len(names) - SHOWN} more"
