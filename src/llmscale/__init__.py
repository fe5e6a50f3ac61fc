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
    from llmscale.answers.compare import compare
    from llmscale.answers.estimate import estimate
    from llmscale.answers.fits import fits
    from llmscale.answers.needs import needs
    from llmscale.answers.params import params
    from llmscale.sources.registry import load

__all__ = ["__version__", "check_models", "compare", "estimate", "fits", "load", "needs", "params"]

_ROOMS = {
    "check_models": "llmscale.answers.check",
    "compare": "llmscale.answers.compare",
    "estimate": "llmscale.answers.estimate",
    "fits": "llmscale.answers.fits",
    "load": "llmscale.sources.registry",
    "needs": "llmscale.answers.needs",
    "params": "llmscale.answers.params",
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
