"""How fast a model runs on named devices: the work of one token, and what such devices were measured to do."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from llmscale.api.model import Model
from llmscale.data import table
from llmscale.devices import catalogue
from llmscale.devices.sets import DeviceSet
from llmscale.formats.recipe import Quant
from llmscale.runtimes.interface import Workload
from llmscale.speed.load import Load, cache_bytes, decode_flops, past, pasts, prompt_flops, state_bytes
from llmscale.speed.predict import Speed, Stage, decode, first_token
from llmscale.speed.table import Setup, setup

#: Tokens that a runtime reads of a prompt at once; vLLM's default of a prompt on its own is all of it.
CHUNK = {"llama.cpp": 512}
WHOLE = 1 << 20
#: Runtimes that share every matrix between devices; others give each device some of the layers.
TENSOR_PARALLEL = ("vllm", "sglang")


class Pace(NamedTuple):
    """Decode tokens per second of all sequences together, and seconds to the first token of a whole context."""

    decode: Speed
    first_token: Speed | None


def pace(model: Model, quant: Quant, work: Workload, runtime: str, devices: DeviceSet) -> Pace | None:
    """None where nobody measured such a device under that runtime, and for models that do not decode.

    The KV cache is taken to be half full on average: the pace over a whole context from empty.
    """
    shape = model.shapes[0]
    moves = model.motion
    name = "vllm-eager" if runtime == "vllm" and work.options.enforce_eager else runtime
    together = devices.count if runtime in TENSOR_PARALLEL else 1
    found = _setup(name, devices.id, quant.id, together, work.options.flash_attn is not False)
    if found is None or moves is None or not shape.decodes or model.assumed:
        return None
    read = model.read(quant)
    if read is None:
        return None
    shared, experts = read
    element = 8 * work.kv.size((256,)) / 256 / 8
    middle = max(1.0, work.context * 1.0)
    load = Load(
        weight_bytes=shared,
        cache_bytes=cache_bytes(shape, middle, element),
        matrices=moves.matrices,
        flops=decode_flops(moves.dense + moves.routed, moves.width, past(shape, middle)),
        expert_bytes=experts,
        experts=moves.experts,
        experts_used=moves.used,
        layers=shape.layers,
        hidden=shape.hidden,
        state_bytes=state_bytes(shape),
    )
    count = devices.count if together == 1 else 1
    stages = [Stage(load.share(1 / count) if count > 1 else load, found)] * count
    prompt = prompt_flops(moves.dense, moves.routed, moves.width, pasts(shape, work.context), work.context)
    first = first_token(stages, prompt, work.context, CHUNK.get(runtime, WHOLE))
    return Pace(decode(stages, work.batch), first)


@cache
def _setup(runtime: str, device: str, quant: str, count: int, flash: bool) -> Setup | None:
    """The fitted factors; None for a device of which only the memory is known."""
    if device not in table("devices")["entries"]:
        return None
    return setup(_table(), runtime, catalogue.entry(device), quant, count=count, flash=flash)


def _table() -> dict[str, Any]:
    return table("speed")
