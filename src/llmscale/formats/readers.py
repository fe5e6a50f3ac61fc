"""Which runtimes read a quant: `readers` of data/quants.yaml, held to by the runtimes that were read for it."""

from __future__ import annotations

from llmscale.errors import UnsupportedModelError
from llmscale.formats.recipe import Quant

#: Runtimes that run nothing but what names them, as people write them.
STRICT = {"sglang": "SGLang", "ollama": "Ollama"}
#: The reader of a quant that no tool writes.
ANY = "any"


def refuse_unread(quant: Quant, runtime: str) -> None:
    """Raises:
    UnsupportedModelError: a quant that does not name the runtime among its readers.
    """
    if runtime not in STRICT or {runtime, ANY} & {*quant.readers, quant.runtime}:
        return
    raise UnsupportedModelError(
        f"{STRICT[runtime]} does not run {quant.name}.",
        f"Its own runtime is {quant.runtime}; see llmscale quants list.",
    )
