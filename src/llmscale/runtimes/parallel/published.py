"""How a server is told which checkpoint to load: a quantised one says itself what it is."""

from __future__ import annotations

from llmscale.runtimes.interface import ModelName

#: vLLM quantises a checkpoint of 16 bits as it loads (vllm/config/quantization.py, `_ONLINE_SHORTHANDS`).
ONLINE = {
    "fp8": "fp8_per_tensor",
    "fp8-dynamic": "fp8_per_channel",
    "fp8-block": "fp8_per_block",
    "mxfp8": "mxfp8",
}
#: The format that a checkpoint of this ``quant_method`` is published in.
PUBLISHED = {
    "fp8": "fp8-block",
    "fp8-fp4-experts": "fp8-fp4-experts",
    "mxfp4": "mxfp4",
    "int4-g32-experts": "w4a16-g32-experts",
}
#: Formats of 16 bits: what a publisher's checkpoint is read in without being told.
PLAIN = ("fp16", "bf16")


def checkpoint(model: ModelName, quant: str) -> tuple[str, list[str]]:
    """What is loaded, and how the server is told to read it."""
    if model.repository and model.published_in and PUBLISHED.get(model.published_in) == quant:
        return model.repository, []
    own = model.repository if not model.published_in else ""
    if quant in PLAIN:
        return own or f"./{model.id}", []
    if quant == "fp32":
        return own or f"./{model.id}", ["--dtype", "float32"]
    if own and quant in ONLINE:
        return own, ["--quantization", ONLINE[quant]]
    return f"./{model.id}-{quant}", []
