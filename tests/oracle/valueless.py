"""Classes built without the values that they begin with, which on the meta device cost time and are never there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch.nn import init
from transformers.initialization import TORCH_INIT_FUNCTIONS


@contextmanager
def valueless() -> Iterator[None]:
    """Let whatever fills a tensor leave it as it is; which tensors there are, and what is tied, stays the same."""
    before = {name: getattr(init, name) for name in TORCH_INIT_FUNCTIONS if hasattr(init, name)}
    try:
        for name in before:
            setattr(init, name, _left)
        yield
    finally:
        for name, function in before.items():
            setattr(init, name, function)


def _left(tensor: Any, *_: Any, **__: Any) -> Any:
    return tensor
