"""Whose log a text is: each runtime that prints one reads its own lines (`log.py` of its room)."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from llmscale.runtimes.logged import Logged
from llmscale.runtimes.registry import ROOMS


def read(text: str) -> Logged | None:
    """What the log tells; None where no runtime knows it as its own.

    The later of the registry are asked first: those that run another, and print its lines among their own.
    """
    for room in reversed(ROOMS.values()):
        if find_spec(f"{__package__}.{room}.log") is None:
            continue
        found: Logged | None = import_module(f"{__package__}.{room}.log").read(text)
        if found is not None:
            return found
    return None
