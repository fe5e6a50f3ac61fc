"""Graphics cards, accelerators and unified-memory machines that a model may run on.

The package is also what ``from llmscale import devices`` finds once any of it was imported, so it can be called as the
function of that name.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


class _Callable(ModuleType):
    def __call__(self, *asked: Any, **named: Any) -> Any:
        # The function lies in a room above this one, and is looked up when somebody calls it.
        return sys.modules["llmscale"].__getattr__("devices")(*asked, **named)


sys.modules[__name__].__class__ = _Callable
