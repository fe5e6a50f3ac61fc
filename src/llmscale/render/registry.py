"""Which formats of output there are, by what ``-o`` calls them. One line each."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from llmscale import plugins
from llmscale.errors import UsageError
from llmscale.render.interface import Writer

#: Their modules in `llmscale.render.writers`.
WRITERS = {"table": "table", "json": "json", "csv": "csv", "markdown": "markdown", "yaml": "yaml"}
KIND = "writers"


def writer(name: str) -> Writer:
    """The writer called `name`; one of another package only where none of ours is.

    Raises:
        UsageError: there is none.
    """
    wanted = name.strip().lower()
    if wanted in WRITERS:
        return cast(Writer, import_module(f"{__package__}.writers.{WRITERS[wanted]}"))
    found = plugins.find(KIND, wanted)
    if found is None:
        raise UsageError(f"--output '{name[:40]}' is not known.", f"One of: {', '.join(WRITERS)}.")
    return cast(Writer, found)
