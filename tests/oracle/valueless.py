"""Classes built without the values that they begin with, which on the meta device cost time and are never there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn import init
from transformers.initialization import TORCH_INIT_FUNCTIONS

#: Tables that a module of a model computes in Python, number by number, and does not store.
TABLES = (("transformers.models.videomae.modeling_videomae", "get_sinusoid_encoding_table"),)


@contextmanager
def valueless() -> Iterator[None]:
    """Let whatever fills a tensor leave it as it is; which tensors there are, and what is tied, stays the same."""
    before = {name: getattr(init, name) for name in TORCH_INIT_FUNCTIONS if hasattr(init, name)}
    try:
        for name in before:
            setattr(init, name, _left)
        for module, name in TABLES:
            if module in sys.modules:
                setattr(sys.modules[module], name, _table)
        yield
    finally:
        for name, function in before.items():
            setattr(init, name, function)


def _table(rows: int, width: int) -> Any:
    return torch.empty(1, rows, width)


def _left(tensor: Any, *_: Any, **__: Any) -> Any:
    return tensor
