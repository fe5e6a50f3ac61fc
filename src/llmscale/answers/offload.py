"""llama.cpp on named devices: how many layers go there, and what each device holds then."""

from __future__ import annotations

from collections.abc import Sequence

from llmscale.answers.model import Model
from llmscale.answers.places import Placed
from llmscale.devices.sets import DeviceSet
from llmscale.errors import UsageError
from llmscale.fit.footprint import Beside, Candidate
from llmscale.formats.recipe import Quant
from llmscale.formats.weights import assign_formats
from llmscale.runtimes.interface import Subject, Workload
from llmscale.runtimes.llama_cpp.offload import Held, Layers, fewest_cpu_moe, held, layers_of, most_layers, spare
from llmscale.runtimes.llama_cpp.process import beyond
from llmscale.runtimes.llama_cpp.runtime import LlamaCpp
from llmscale.runtimes.llama_cpp.settings import Offload
from llmscale.runtimes.llama_cpp.simulate import facts, settings_of

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


def offloaded(
    model: Model, quant: Quant, candidate: Candidate, work: Workload, devices: DeviceSet, margin: int = 0
) -> Placed:
    """The layers that go to `devices`, as many as asked for or as fit, and what the fullest device holds then.

    Where RAM is named and no layers, and all but experts fits, only experts stay in RAM: they are read the least.

    Args:
        margin: bytes that are to stay free on each device.
    """
    if quant.kind != "gguf":
        return Placed()
    assert model.spec is not None
    assert model.parts is not None
    known, settings = facts(model.spec), settings_of(work)
    weights = _layers(model, quant)
    process, rooms = _rooms(model, work, devices, candidate.beside)
    rooms = [room - margin for room in rooms]
    place = _place(devices)._replace(cpu_moe=work.options.n_cpu_moe or 0)
    asked, ram = gpu_layers(work.options.gpu_layers), work.options.ram
    all_layers = len(known.layers) + 1
    most = most_layers(known, settings, weights, place, rooms)
    cpu_moe = None if most == all_layers else fewest_cpu_moe(known, settings, weights, place, rooms)
    chosen = min(asked, all_layers) if asked is not None else all_layers if work.options.gpu_layers == ALL else most
    free = work.options.gpu_layers in ("", AUTO) and work.options.n_cpu_moe is None
    if free and ram is not None and cpu_moe is not None:
        place, chosen = place._replace(cpu_moe=cpu_moe), all_layers
    holding = held(known, settings, weights, place._replace(gpu_layers=chosen))
    left, fullest = spare(holding, rooms), max(holding[:-1], key=lambda one: one.total)
    # Layers in RAM count as fitting where somebody says that they may be there.
    fits = left >= 0 and (chosen == all_layers or asked is not None or ram is not None)
    fits = fits and (ram is None or holding[-1].total <= ram)
    return Placed(
        fits=fits,
        may_fit=fits,
        headroom_bytes=left if fits or asked is not None else None,
        gpu_layers=chosen,
        layers=all_layers,
        cpu_moe=cpu_moe,
        weights_bytes=fullest.weights,
        kv_cache_bytes=fullest.cache,
        overhead_bytes=max(process),
        ram_bytes=holding[-1].total,
    )


def fits_split(model: Model, quant: Quant, work: Workload, devices: DeviceSet) -> bool:
    """Whether each of several devices holds its share of the layers; a sum over all does not see that they differ."""
    assert model.spec is not None
    place = _place(devices)
    key = (model.spec, quant.name, *settings_of(work), place)
    if key not in _HELD:
        _HELD[key] = held(facts(model.spec), settings_of(work), _layers(model, quant), place)
    return spare(_HELD[key], _rooms(model, work, devices)[1]) >= 0


def _rooms(
    model: Model, work: Workload, devices: DeviceSet, others: Sequence[Beside] = ()
) -> tuple[list[int], list[int]]:
    """What the process takes of each device, and what is left for the model beside `others`."""
    assert model.spec is not None
    usual = LlamaCpp().overhead(Subject(model.shapes[0], model.spec), work)
    process = [usual + more for more in beyond(devices)]
    rooms = [room - taken for room, taken in zip(devices.rooms, process, strict=True)]
    for other in others:
        rooms = [room - taken for room, taken in zip(rooms, other.spread(work, devices), strict=True)]
    return process, rooms


def _place(devices: DeviceSet) -> Offload:
    """All layers on `devices`; of unlike ones each gets layers by its free memory, as llama.cpp does by default."""
    return Offload(devices=devices.count, split=tuple(map(float, devices.rooms)) if devices.members else ())


#: What devices hold and the weights by layer, which many devices are held against.
_HELD: dict[tuple[object, ...], list[Held]] = {}
_LAYERS: dict[tuple[object, ...], Layers] = {}


def _layers(model: Model, quant: Quant) -> Layers:
    assert model.spec is not None
    assert model.parts is not None
    key = (model.spec, quant.name)
    if key not in _LAYERS:
        _LAYERS[key] = layers_of(assign_formats(quant, model.spec, model.parts), len(facts(model.spec).layers))
    return _LAYERS[key]
