"""How fast a model runs on named devices: the work of one token, and what such devices were measured to do."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from llmscale.answers.model import Model
from llmscale.devices import device as catalogue
from llmscale.devices.sets import DeviceSet
from llmscale.formats.recipe import Quant
from llmscale.runtimes import TENSOR_PARALLEL, engine
from llmscale.runtimes.interface import Workload
from llmscale.speed.links import link
from llmscale.speed.load import (
    Load,
    attended_by_prompt,
    attended_tokens,
    cache_bytes,
    decode_flops,
    prompt_flops,
    state_bytes,
)
from llmscale.speed.predict import Speed, Stage, decode, first_token
from llmscale.speed.table import Setup, host_setup, setup
from llmscale.store.tables import table

if TYPE_CHECKING:
    from llmscale.answers.places import Aside

#: Tokens that a runtime reads of a prompt at once; vLLM's default of a prompt on its own is all of it.
CHUNK = {"llama.cpp": 512}
WHOLE = 1 << 20


class Pace(NamedTuple):
    """Decode tokens per second of all sequences together, and seconds to the first token of a whole context."""

    decode: Speed
    first_token: Speed | None


def pace(
    model: Model, quant: Quant, work: Workload, runtime: str, devices: DeviceSet, aside: Aside | None = None
) -> Pace | None:
    """The speed with a context of so many tokens before the one that is decoded.

    None where nobody measured such a device under that runtime, for models that do not decode, and for layers `aside`
    in RAM of which nobody says how fast it is.
    """
    stages, profile = _stages(model, quant, work, runtime, devices, aside), model.profile
    if stages is None or profile is None:
        return None
    attended = attended_by_prompt(model.shapes[0], work.context)
    prompt = prompt_flops(profile.dense, profile.routed, profile.width, attended, work.context)
    first = first_token(stages, prompt, work.context, CHUNK.get(engine(runtime), WHOLE))
    return Pace(decode(stages, work.batch), first)


def explain_pace(
    model: Model, quant: Quant, work: Workload, runtime: str, devices: DeviceSet, aside: Aside | None
) -> list[str]:
    """The time of a step with the numbers put in, in a line; nothing where no speed is known."""
    from llmscale.devices.sets import counted
    from llmscale.speed.explain import explain_decode

    stages = _stages(model, quant, work, runtime, devices, aside)
    if stages is None:
        return []
    return [explain_decode(counted(devices.id, devices.count), stages, work.batch, decode(stages, work.batch))]


def _stages(
    model: Model, quant: Quant, work: Workload, runtime: str, devices: DeviceSet, aside: Aside | None
) -> list[Stage] | None:
    """The layers on each device, and in RAM; None where the speed is not known."""
    shape = model.shapes[0]
    profile = model.profile
    bandwidth = work.options.ram_bandwidth
    if profile is None or not shape.decodes or model.assumed or (aside and bandwidth is None):
        return None
    runtime = engine(runtime)
    name = "vllm-eager" if runtime == "vllm" and work.options.enforce_eager else runtime
    on = _devices(name, quant.id, work, devices, runtime in TENSOR_PARALLEL)
    read = model.read(quant) if on else None
    if read is None:
        return None
    shared, experts = read
    element = (work.kv.size((256,)) + work.value_format.size((256,))) / (2 * 256)
    load = Load(
        weight_bytes=shared,
        cache_bytes=cache_bytes(shape, work.context, element),
        matrices=profile.matrices,
        flops=decode_flops(profile.dense + profile.routed, profile.width, attended_tokens(shape, work.context)),
        expert_bytes=experts,
        experts=profile.experts,
        experts_used=profile.used,
        layers=shape.layers,
        hidden=shape.hidden,
        state_bytes=state_bytes(shape),
    )
    rest = []
    if aside and bandwidth is not None:
        host = host_setup(_table(), runtime, bandwidth, quant.id)
        if host is None:
            return None
        load, moved = load.aside(*aside)
        rest.append(Stage(moved, host))
    return [*(Stage(load.share(share) if share < 1 else load, found) for found, share in on), *rest]


def _devices(runtime: str, quant: str, work: Workload, devices: DeviceSet, together: bool) -> list[tuple[Setup, float]]:
    """Each device, or all that share every matrix, with its share of the layers; nothing where one is not known."""
    flash = work.options.flash_attn is not False
    if together:
        found = _setup(runtime, devices.id, quant, devices.count, flash)
        return [(found, 1.0)] if found else []
    members = devices.members or (devices,)
    whole = devices.total_usable
    setups = [(_setup(runtime, member.id, quant, 1, flash), member) for member in members]
    if any(found is None for found, _ in setups):
        return []
    return [
        (found, member.usable / whole) for found, member in setups if found is not None for _ in range(member.count)
    ]


@cache
def _setup(runtime: str, device: str, quant: str, count: int, flash: bool) -> Setup | None:
    """The fitted factors; None for a device of which only the memory is known."""
    if device not in table("devices")["entries"]:
        return None
    found = catalogue.entry(device)
    return setup(_table(), runtime, found, quant, count=count, link=link(found) if count > 1 else None, flash=flash)


def _table() -> dict[str, Any]:
    return table("speed")
