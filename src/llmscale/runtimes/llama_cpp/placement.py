"""Where llama.cpp puts a model: layers on devices by what fits or by what is asked, the rest in host memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

from llmscale.devices.sets import DeviceSet
from llmscale.errors import UsageError
from llmscale.quantity import Basis, Quantity
from llmscale.runtimes.interface import (
    CACHE,
    COMPUTE,
    OVERHEAD,
    STATE,
    UNLIMITED,
    WEIGHTS,
    LayerSplit,
    Placement,
    Usage,
    Workload,
    gathered,
)
from llmscale.runtimes.llama_cpp.companions import companions
from llmscale.runtimes.llama_cpp.facts import ModelFacts
from llmscale.runtimes.llama_cpp.info import ALL, AUTO
from llmscale.runtimes.llama_cpp.memory import Held, LayerWeights, held, layer_weights, streamed_types
from llmscale.runtimes.llama_cpp.process import MIDDLE, fixed, further, pool
from llmscale.runtimes.llama_cpp.settings import LlamaCppSettings, Offload
from llmscale.runtimes.llama_cpp.simulate import activations, facts, refuse, settings_of
from llmscale.runtimes.subject import Exact


class Load(NamedTuple):
    """A model that is about to be put on devices.

    Attributes:
        budgets: bytes of each device.
        process: bytes of each device that the process takes besides what it loads.
        beside: bytes of each device by the companions there, with what they are called.
        offload: all layers on the devices.
    """

    facts: ModelFacts
    settings: LlamaCppSettings
    weights: LayerWeights
    budgets: tuple[int, ...]
    process: tuple[int, ...]
    beside: tuple[tuple[str, tuple[int, ...]], ...]
    offload: Offload
    basis: Basis

    @property
    def layers(self) -> int:
        """Layers and the output."""
        return len(self.facts.layers) + 1

    def held(self, offload: Offload) -> list[Held]:
        """What each device holds, the host last."""
        return held(self.facts, self.settings, self.weights, offload)

    def spare(self, offload: Offload) -> int:
        """Bytes that are left on the device that has the least left; negative when they are missing."""
        besides: list[int] = [
            sum(sizes) for sizes in zip(self.process, *(sizes for _, sizes in self.beside), strict=True)
        ]
        holding = self.held(offload)[:-1]
        return min(int(b - p - h.total) for b, p, h in zip(self.budgets, besides, holding, strict=True))


@lru_cache(maxsize=256)
def weights_by_layer(subject: Exact) -> LayerWeights:
    """The weights of `subject` by layer, once for all contexts and devices."""
    return layer_weights(subject.stored, len(facts(subject.spec).layers))


@lru_cache(maxsize=256)
def types_by_shape(subject: Exact) -> tuple[tuple[tuple[int, ...], str], ...]:
    """The types of what may be streamed to a device."""
    return streamed_types(subject.stored)


def load_of(subject: Exact, work: Workload, devices: DeviceSet, margin: int = 0) -> Load:
    """What is to be put on `devices`.

    Args:
        margin: bytes that are to stay free on each of them.

    Raises:
        UsageError, UnsupportedModelError: what llama.cpp refuses.
    """
    known, settings = facts(subject.spec), settings_of(work)
    refuse(subject.spec, settings)
    budgets = tuple(budget - margin for budget in devices.budgets)
    tokens = min(work.context * work.batch, settings.n_ubatch)
    usual = fixed(MIDDLE) + pool(activations(known), tokens)
    alike = not devices.members
    return Load(
        facts=known,
        settings=settings,
        weights=weights_by_layer(subject),
        budgets=budgets,
        process=tuple(usual + more for more in further(devices)),
        beside=tuple(
            (other.kind, tuple(other.on_devices(work, devices.budgets, alike))) for other in companions(subject, work)
        ),
        # Of unlike devices each gets layers by its free memory, as llama.cpp does by default.
        offload=Offload(
            devices=devices.count,
            split=() if alike else tuple(map(float, devices.budgets)),
            streamed=types_by_shape(subject),
        ),
        basis=Basis.MODELLED if subject.basis is Basis.EXACT else subject.basis,
    )


def place(subject: Exact, work: Workload, devices: DeviceSet, margin: int = 0) -> Placement:
    """All layers on the devices unless the options put some in host memory; where RAM is named, as many as fit.

    Raises:
        UsageError, UnsupportedModelError: what llama.cpp refuses.
    """
    if devices.host:
        return on_host(subject, work, devices)
    load = load_of(subject, work, devices, margin)
    offload = load.offload._replace(cpu_moe=work.option("n_cpu_moe") or 0)
    asked, ram = gpu_layers(work), work.option("ram")
    if asked is not None:
        offload = offload._replace(gpu_layers=min(asked, load.layers))
    elif ram is not None and work.option("gpu_layers") != ALL and load.spare(offload) < 0:
        offload = fitted(load, offload, free=work.option("n_cpu_moe") is None)
    return _placement(load, offload, subject.weights, subject.basis, ram)


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
    moe = work.option("n_cpu_moe")
    offload = fitted(load, load.offload._replace(cpu_moe=moe or 0), free=moe is None)
    return _placement(load, offload, subject.weights, subject.basis, None)


def gpu_layers(work: Workload) -> int | None:
    """What ``--gpu-layers`` says: a number, None for all and for as many as fit.

    Raises:
        UsageError: none of these.
    """
    text = work.option("gpu_layers") or AUTO
    if text in (AUTO, ALL):
        return None
    if not text.isdecimal() or len(text) > 9:
        raise UsageError(
            f"--gpu-layers '{text[:40]}' is not a number of layers.", "A number, all, or auto (the default)."
        )
    return int(text)


def fitted(load: Load, offload: Offload, *, free: bool) -> Offload:
    """As much on the devices as fits: all but some layers' experts where that is enough, since these are read least.

    Args:
        free: whether it may choose which experts stay in host memory.
    """
    if free and (experts := fewest_experts(load, offload)) is not None:
        return offload._replace(gpu_layers=load.layers, cpu_moe=experts)
    return offload._replace(gpu_layers=most_layers(load, offload))


def most_layers(load: Load, offload: Offload) -> int:
    """The most layers, the output counted as one, with which no device holds more than it has."""

    def fits(layers: int) -> bool:
        return load.spare(offload._replace(gpu_layers=layers)) >= 0

    # All of them may fit where one less does not: only a partial offload streams weights to the device.
    return load.layers if fits(load.layers) else _last(fits, load.layers)


def fewest_experts(load: Load, offload: Offload) -> int | None:
    """Of how few layers the experts must stay in host memory for all else to fit; None when that is not enough."""
    if not any(load.weights.experts):
        return None
    count = load.layers - 1

    def fits(on_device: int) -> bool:
        return load.spare(offload._replace(cpu_moe=count - on_device)) >= 0

    return count - _last(fits, count) if fits(0) else None


def _last(fits: Callable[[int], bool], most: int) -> int:
    """The last number up to `most` that fits, where each one takes more than the one before; 0 is taken to fit."""
    low, high = 0, most + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


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
    return Placement(tuple(usages), host, layers=LayerSplit(on, load.layers, offload.cpu_moe))


def _parts(one: Held, weights: Basis, layers: Basis, modelled: Basis) -> Sequence[tuple[str, Quantity]]:
    return (
        (WEIGHTS, Quantity.exactly(one.weights, weights)),
        (CACHE, Quantity.exactly(one.cache, layers)),
        (STATE, Quantity.exactly(one.state, modelled)),
        (COMPUTE, Quantity.exactly(one.compute, modelled)),
    )
