"""Whose log a text is: each runtime that prints one reads its own lines. Those that run another come first."""

from __future__ import annotations

from importlib import import_module

from llmscale.runtimes.logged import Logged

#: Rooms with a `log.py`, in the order in which they are asked.
READERS = ("ollama", "vllm", "sglang", "llama_cpp")


def read(text: str) -> Logged | None:
    """What the log tells; None where no runtime knows it as its own."""
    for room in READERS:
        found: Logged | None = import_module(f"{__package__}.{room}.log").read(text)
        if found is not None:
            return found
    return None
