"""Which kinds of picture there are and what draws them. One line each."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from llmscale.errors import UsageError
from llmscale.pictures.asked import Kind
from llmscale.pictures.drawers.interface import Drawer

#: Kind of picture -> its module in `llmscale.pictures.kinds`.
KINDS = {
    "scale": "scale",
    "memory": "memory",
    "context": "context",
    "parts": "parts",
    "frontier": "frontier",
    "users": "users",
    "roofline": "roofline",
}
#: Suffix of a file -> the module in `llmscale.pictures.drawers` that writes it.
DRAWERS = {"svg": "figure", "png": "figure", "pdf": "figure", "html": "page"}


def kind(name: str) -> Kind:
    """The kind of picture called `name`.

    Raises:
        UsageError: there is none.
    """
    wanted = name.strip().lower()
    if wanted not in KINDS:
        raise UsageError(f"There is no picture called '{name[:40]}'.", f"One of: {', '.join(KINDS)}.")
    return cast(Kind, import_module(f"{__package__}.kinds.{KINDS[wanted]}"))


def drawer(suffix: str) -> Drawer:
    """What writes a file that ends so.

    Raises:
        UsageError: nothing does.
    """
    if suffix not in DRAWERS:
        raise UsageError(
            f"A picture cannot be written as '.{suffix[:20]}'.", f"One of: {', '.join(f'.{name}' for name in DRAWERS)}."
        )
    return cast(Drawer, import_module(f"{__package__}.drawers.{DRAWERS[suffix]}"))
