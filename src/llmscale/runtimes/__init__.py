"""Runtimes lay out memory differently: one module each, with the interface of `llmscale.runtimes.interface`."""

from __future__ import annotations

from functools import cache

from llmscale.errors import NotFoundError
from llmscale.names import normal
from llmscale.runtimes.general import General
from llmscale.runtimes.interface import Runtime

#: A quant names the runtime that reads it. What is not imported until it is asked for takes time to import.
NAMES = ("transformers", "llama.cpp", "vllm", "exllama", "mlx")


@cache
def runtime(name: str) -> Runtime:
    """The runtime called `name`.

    Raises:
        NotFoundError: none is.
    """
    known = {normal(known): known for known in NAMES}.get(normal(name))
    if known is None:
        raise NotFoundError(f"There is no runtime called '{name}'.", f"Known: {', '.join(NAMES)}.")
    if known == "llama.cpp":
        from llmscale.runtimes.llama_cpp.runtime import LlamaCpp

        return LlamaCpp()
    if known == "vllm":
        from llmscale.runtimes.vllm.runtime import Vllm

        return Vllm()
    if known == "transformers":
        from llmscale.runtimes.transformers.runtime import Transformers

        return Transformers()
    return General(known)
