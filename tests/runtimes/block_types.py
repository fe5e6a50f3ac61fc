"""Every type of block that a model may be made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import is_dataclass
from importlib import import_module
from pkgutil import iter_modules

from llmscale.model import blocks


def _found() -> Iterator[type]:
    for module in iter_modules(blocks.__path__):
        for thing in vars(import_module(f"{blocks.__name__}.{module.name}")).values():
            if isinstance(thing, type) and is_dataclass(thing) and hasattr(thing, "tensors"):
                yield thing


BLOCKS = frozenset(_found())
