"""Runtimes lay out memory differently: one module each, with the interface of `llmscale.runtimes.interface`."""

from __future__ import annotations

from llmscale.errors import NotFoundError
from llmscale.runtimes.general import General
from llmscale.runtimes.interface import Runtime

#: A quant names the runtime that reads it; all are modelled by the general rule.
RUNTIMES: dict[str, Runtime] = {name: General(name) for name in ("transformers", "llama.cpp", "vllm", "exllama", "mlx")}


def runtime(name: str) -> Runtime:
    """The runtime called `name`.

    Raises:
        NotFoundError: none is.
    """
    try:
        return RUNTIMES[name.strip().lower()]
    except KeyError:
        raise NotFoundError(f"There is no runtime called '{name}'.", f"Known: {', '.join(RUNTIMES)}.") from None
