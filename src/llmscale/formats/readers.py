"""Which runtimes read a quant: `readers` of data/quants.yaml, held to by the runtimes that were read for it."""

from __future__ import annotations

from llmscale.errors import UnsupportedModelError
from llmscale.formats.recipe import Quant
from llmscale.names import SPELT

#: Runtimes that run nothing but what names them.
STRICT = ("sglang", "ollama", "mlx", "exllama")
#: What each of them is asked for when nobody names a quant: what its models are mostly run in.
USUAL = {
    "sglang": ("fp16", "fp8", "awq"),
    "ollama": ("q8_0", "q6_k", "q4_k_m"),
    "mlx": ("bf16", "mlx-8bit", "mlx-4bit"),
    "exllama": ("exl3-6bpw", "exl3-4bpw", "exl3-3bpw"),
}
#: The reader of a quant that no tool writes.
ANY = "any"


def refuse_unread(quant: Quant, runtime: str) -> None:
    """Raises:
    UnsupportedModelError: a quant that does not name the runtime among its readers.
    """
    if runtime not in STRICT or {runtime, ANY} & {*quant.readers, quant.runtime}:
        return
    raise UnsupportedModelError(
        f"{SPELT[runtime]} does not run {quant.name}.",
        f"Its own runtime is {quant.runtime}; see llmscale quants list.",
    )
