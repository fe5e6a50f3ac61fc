"""Where answers and errors go when a shell has closed that place, it is full, cannot say it, or its reader has left."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress


def settle() -> None:
    """Open what a shell closed (``>&-``, ``2>&-``): what is written there goes nowhere. Ask no stream what it lacks.

    A console of Windows may have a few hundred letters: help in Chinese has question marks there for what it lacks.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="replace")
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 (open until the end)


def let_go() -> None:
    """Write no more to stdout: what it still holds goes nowhere, or Python would fail once more as it ends."""
    stream = sys.__stdout__
    if stream is None or sys.stdout is not stream:
        return
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
