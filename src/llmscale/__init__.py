"""llmscale: the scale of large models, exact: parameters, memory, and the cards they fit.

>>> from llmscale import estimate, params
>>> params("llama-2-7b").parameters.total
6738415616
>>> estimate("7B", ["int4"]).estimates[0].weights_bytes
3500000000
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from llmscale.store import tables

__version__ = "0.1.0"

if TYPE_CHECKING:
    from llmscale.answers.check import check_models
    from llmscale.api.functions import compare, devices, estimate, fits, models, needs, params, quants
    from llmscale.errors import LlmscaleError
    from llmscale.sources.registry import load

__all__ = [
    "LlmscaleError",
    "__version__",
    "check_models",
    "compare",
    "devices",
    "estimate",
    "fits",
    "load",
    "models",
    "needs",
    "params",
    "quants",
]

_ROOMS = {
    "LlmscaleError": "llmscale.errors",
    "check_models": "llmscale.answers.check",
    "compare": "llmscale.api.functions",
    "devices": "llmscale.api.functions",
    "estimate": "llmscale.api.functions",
    "fits": "llmscale.api.functions",
    "load": "llmscale.sources.registry",
    "models": "llmscale.api.functions",
    "needs": "llmscale.api.functions",
    "params": "llmscale.api.functions",
    "quants": "llmscale.api.functions",
}


def _compiled(name: str) -> dict[str, Any]:
    from llmscale.compile.checkout import compiled

    return compiled(name)


# A checkout has the YAML that a wheel was made of, and code that may have changed since.
if os.path.exists(os.path.join(tables.PACKAGE, os.pardir, os.pardir, "pyproject.toml")):
    tables.compiler = _compiled


def __getattr__(name: str) -> Any:
    # Importing the package costs nothing; what a command does not need is never imported.
    if name in _ROOMS:
        from importlib import import_module

        return getattr(import_module(_ROOMS[name]), name)
    raise AttributeError(f"module 'llmscale' has no attribute '{name}'")
