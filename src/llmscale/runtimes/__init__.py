"""Runtimes lay out memory differently: one module each, with the interface of `llmscale.runtimes.interface`."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import cast

from llmscale.errors import NotFoundError
from llmscale.names import normal
from llmscale.runtimes.interface import Runtime

#: Where each is; a quant names the one that reads it. What is not asked for is not imported, which takes time.
PLACES = {
    "transformers": ("transformers.runtime", "Transformers"),
    "llama.cpp": ("llama_cpp.runtime", "LlamaCpp"),
    "vllm": ("vllm.runtime", "Vllm"),
    "exllama": ("exllama", "Exllama"),
    "mlx": ("mlx.runtime", "Mlx"),
    "sglang": ("sglang.runtime", "Sglang"),
    "ollama": ("ollama.runtime", "Ollama"),
}
NAMES = tuple(PLACES)
#: Those that share every matrix between devices, and so take as much of each as of the smallest.
TENSOR_PARALLEL = ("vllm", "sglang")
#: What runs inside a runtime, where that is another one.
ENGINES = {"ollama": "llama.cpp"}


@cache
def runtime(name: str) -> Runtime:
    """The runtime called `name`.

    Raises:
        NotFoundError: none is.
    """
    known = {normal(known): known for known in NAMES}.get(normal(name))
    if known is None:
        raise NotFoundError(f"There is no runtime called '{name}'.", f"Known: {', '.join(NAMES)}.")
    module, kind = PLACES[known]
    return cast(Runtime, getattr(import_module(f"{__name__}.{module}"), kind)())


def engine(name: str) -> str:
    """The runtime that does the work under the runtime called `name`."""
    return ENGINES.get(name, name)
