"""Where llama.cpp puts a model: layers on devices by what fits or by what is asked, the rest in host memory."""

from __future__ import annotations

from collections.abc import Sequence

from llmscale.devices.sets import DeviceSet
from llmscale.quantity import Basis, Quantity
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.llama_cpp.asked import settings_of
from llmscale.runtimes.llama_cpp.backends import limit
from llmscale.runtimes.llama_cpp.fitting import dealt_layers, fitted
from llmscale.runtimes.llama_cpp.info import ALL
from llmscale.runtimes.llama_cpp.load import (
    Load,
    dealt_by_name,
    experts_in_ram,
    gpu_layers,
    load_of,
    weights_by_layer,
)
from llmscale.runtimes.llama_cpp.memory import Held, held
from llmscale.runtimes.llama_cpp.settings import Offload
from llmscale.runtimes.llama_cpp.simulate import facts, refuse
from llmscale.runtimes.placed import (
    CACHE,
    COMPUTE,
    OVERHEAD,
    STATE,
    UNLIMITED,
    WEIGHTS,
    LayerSplit,
    Placement,
    Usage,
    gathered,
)
from llmscale.runtimes.subject import Exact


def place(subject: Exact, work: Workload, devices: DeviceSet, margin: int = 0) -> Placement:
    """All layers on the devices unless the options put some in host memory; where RAM is named, as many as fit.

    Where the options say whose experts stay in RAM, all layers stay on devices, as llama.cpp's own fitting then leaves
    everything as it is (common/fit.cpp); only how many each device gets is chosen, which the command says.

    Raises:
        UsageError, UnsupportedModelError: what llama.cpp refuses.
    """
    if devices.host:
        return on_host(subject, work, devices)
    load = load_of(subject, work, devices, margin)
    named = experts_in_ram(subject, load, work)
    offload = load.offload if named is None else named
    asked, ram, deals = gpu_layers(work), work.option("ram"), not dealt_by_name(work)
    if asked is not None:
        offload = offload._replace(gpu_layers=min(asked, load.layers))
    elif named is not None:
        offload = dealt_layers(load, offload) if deals else offload
    elif ram is not None and work.option("gpu_layers") != ALL and not load.fits(offload):
        offload = fitted(load, offload, deals=deals)
    placed = _placement(load, offload, subject.weights, subject.basis, ram)
    too_large = limit(subject, work, load, offload, devices)
    return placed._replace(limits=(too_large,)) if too_large else placed


def on_host(subject: Exact, work: Workload, devices: DeviceSet) -> Placement:
    """All of it in the RAM of a processor: llama.cpp's CPU backend alone.

    What its process takes besides these buffers, tens of MiB, nobody measured, so that nothing is counted for it.

    Raises:
        UsageError, UnsupportedModelError: what llama.cpp refuses.
    """
    known, settings = facts(subject.spec), settings_of(work)
    refuse(subject.spec, settings)
    (one,) = held(known, settings, weights_by_layer(subject), Offload(devices=0, cuda=False))
    basis = Basis.MODELLED if subject.basis is Basis.EXACT else subject.basis
    parts = _parts(one, subject.weights.basis, subject.basis, basis)
    layers = LayerSplit(0, len(known.layers) + 1)
    return Placement((Usage(devices.usable, gathered(parts)),), layers=layers)


def partly(subject: Exact, work: Workload, devices: DeviceSet, margin: int = 0) -> Placement | None:
    """What runs where not all layers fit: the others in host memory; None where the options say what goes where."""
    if devices.host:
        return None
    if gpu_layers(work) is not None or work.option("ram") is not None or work.option("gpu_layers") == ALL:
        return None
    load = load_of(subject, work, devices, margin)
    if experts_in_ram(subject, load, work) is not None:
        return None
    offload = fitted(load, load.offload, deals=not dealt_by_name(work))
    return _placement(load, offload, subject.weights, subject.basis, None)


def _placement(load: Load, offload: Offload, weights: Quantity, known: Basis, ram: int | None) -> Placement:
    """The usage of each device and of host memory, for layers laid out as `offload` says."""
    holding = load.held(offload)
    usages = []
    for number, (budget, process, one) in enumerate(zip(load.budgets, load.process, holding[:-1], strict=True)):
        beside = [(kind, Quantity.exactly(sizes[number], Basis.MODELLED)) for kind, sizes in load.beside]
        overhead = (OVERHEAD, Quantity.exactly(process, Basis.MODELLED))
        usages.append(Usage(budget, gathered([*_parts(one, weights.basis, known, load.basis), overhead, *beside])))
    host = Usage(UNLIMITED if ram is None else ram, gathered(_parts(holding[-1], weights.basis, known, load.basis)))
    on = load.layers if offload.gpu_layers is None else offload.gpu_layers
    return Placement(tuple(usages), host, layers=_split(load, offload, on))


def _split(load: Load, offload: Offload, on_devices: int) -> LayerSplit:
    """Where the layers are, with how many each device gets where that was not left to llama.cpp."""
    told = offload.split != load.offload.split
    counts = tuple(map(int, offload.split)) if told else ()
    cpu_moe = min(offload.cpu_moe, load.layers - 1)
    by_rule = sum(layer >= cpu_moe for layer in offload.cpu_experts)
    return LayerSplit(on_devices, load.layers, cpu_moe, counts, by_rule)


def _parts(one: Held, weights: Basis, layers: Basis, modelled: Basis) -> Sequence[tuple[str, Quantity]]:
    return (
        (WEIGHTS, Quantity.exactly(one.weights, weights)),
        (CACHE, Quantity.exactly(one.cache, layers)),
        (STATE, Quantity.exactly(one.state, modelled)),
        (COMPUTE, Quantity.exactly(one.compute, modelled)),
    )
