"""llama.cpp on named devices: how many layers go there, and what each device holds then."""

from __future__ import annotations

from llmscale.api.model import Model
from llmscale.api.place import Placed
from llmscale.devices.sets import DeviceSet
from llmscale.errors import UsageError
from llmscale.formats.recipe import Quant
from llmscale.formats.weights import allot
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.llama_cpp.offload import fewest_cpu_moe, held, layers_of, most_layers
from llmscale.runtimes.llama_cpp.place import Place
from llmscale.runtimes.llama_cpp.runtime import PROCESS, facts, settings_of

#: Words of ``--gpu-layers`` besides a number.
AUTO, ALL = "auto", "all"


def gpu_layers(text: str) -> int | None:
    """What ``--gpu-layers`` says: a number, None for all and for as many as fit.

    Raises:
        UsageError: none of these.
    """
    if text in ("", AUTO, ALL):
        return None
    if not text.isdecimal():
        raise UsageError(f"--gpu-layers '{text}' is not a number of layers.", "A number, all, or auto (the default).")
    return int(text)


def offloaded(model: Model, quant: Quant, work: Workload, devices: DeviceSet) -> Placed:
    """The layers that go to `devices`, as many as asked for or as fit, and what the fullest device holds then."""
    if quant.kind != "gguf":
        return Placed()
    assert model.spec is not None
    assert model.parts is not None
    known, settings = facts(model.spec), settings_of(work)
    weights = layers_of(allot(quant, model.spec, model.parts), len(known.layers))
    room = devices.usable - PROCESS
    place = Place(devices=devices.count, cpu_moe=work.options.n_cpu_moe or 0)
    asked = gpu_layers(work.options.gpu_layers)
    all_layers = len(known.layers) + 1
    most = most_layers(known, settings, weights, place, room)
    chosen = min(asked, all_layers) if asked is not None else all_layers if work.options.gpu_layers == ALL else most
    fullest = max(held(known, settings, weights, place._replace(gpu_layers=chosen)), key=lambda one: one.total)
    fits = fullest.total <= room and (chosen == all_layers or asked is not None)
    cpu_moe = None if most == all_layers else fewest_cpu_moe(known, settings, weights, place, room)
    return Placed(
        fits=fits,
        may_fit=fits,
        headroom_bytes=room - fullest.total if fits or asked is not None else None,
        gpu_layers=chosen,
        layers=all_layers,
        cpu_moe=cpu_moe,
        weights_bytes=fullest.weights,
        kv_cache_bytes=fullest.cache,
    )
