"""The options of all runtimes as one table, so that the command line knows them without importing any."""

from __future__ import annotations

from typing import Any

from llmscale.runtimes.registry import ROOMS, info


def options() -> dict[str, dict[str, Any]]:
    """By runtime, its title and each option as `llmscale.runtimes.option.Option` has it."""
    return {
        name: {"title": known.title, "options": [one._asdict() for one in known.options]}
        for name in ROOMS
        for known in [info(name)]
    }
