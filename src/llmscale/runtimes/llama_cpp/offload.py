"""Layers between devices and RAM, as llama.cpp puts them: what each holds, and how many fit.

``-ngl N`` puts the last N layers on the devices, the output counted as one of them; ``--n-cpu-moe N`` keeps the experts
of the first N layers in RAM. The weights follow the layers (exact), cache and compute buffers are those of `buffers`.
Both numbers are found by halving, since each layer more takes more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from llmscale.formats.recipe import Allotted
from llmscale.formats.weights import ON_HOST
from llmscale.runtimes.llama_cpp.buffers import compute_bytes
from llmscale.runtimes.llama_cpp.cells import Settings, cache_bytes, state_bytes
from llmscale.runtimes.llama_cpp.facts import Facts
from llmscale.runtimes.llama_cpp.place import Place, homes


class Layers(NamedTuple):
    """Bytes of the weights of each layer, of its experts among them, and of the output."""

    layers: tuple[int, ...]
    experts: tuple[int, ...]
    output: int


class Held(NamedTuple):
    """Bytes on one device."""

    weights: int
    cache: int
    state: int
    compute: int

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self)


def layers_of(allotted: Sequence[Allotted], count: int) -> Layers:
    """The weights of a GGUF file by layer."""
    layers, experts, output = [0] * count, [0] * count, 0
    apart = any(each.group.name == "output.weight" for each in allotted)
    for group, form in allotted:
        size = form.size(group.shape) * group.experts
        for layer in group.layers:
            layers[layer] += size
            if group.component == "experts":
                experts[layer] += size
        if not group.layers and (group.name not in ON_HOST or (group.name == ON_HOST[0] and not apart)):
            output += size
    return Layers(tuple(layers), tuple(experts), output)


def held(facts: Facts, settings: Settings, weights: Layers, place: Place) -> list[Held]:
    """What each device holds, the host left out."""
    where = homes(len(facts.layers), place)
    caches, states = cache_bytes(facts, settings, place.cuda), state_bytes(facts, settings)
    compute = compute_bytes(facts, settings, place)
    found = []
    for device in range(place.devices):
        here = [number for number in range(len(facts.layers)) if where[number] == device]
        size = sum(weights.layers[n] - (weights.experts[n] if n < place.cpu_moe else 0) for n in here)
        size += weights.output if where[-1] == device else 0
        kept = here if settings.kv_offload else []
        found.append(Held(size, sum(caches[n] for n in kept), sum(states[n] for n in kept), compute[device]))
    return found


def most_layers(facts: Facts, settings: Settings, weights: Layers, place: Place, room: int) -> int:
    """The most layers, the output counted as one, with which no device holds more than `room`."""

    def fits(layers: int) -> bool:
        return _largest(held(facts, settings, weights, place._replace(gpu_layers=layers))) <= room

    # All of them may fit where one less does not: only a partial offload streams weights to the device.
    count = len(facts.layers) + 1
    return count if fits(count) else _last(fits, count)


def fewest_cpu_moe(facts: Facts, settings: Settings, weights: Layers, place: Place, room: int) -> int | None:
    """Of how few layers the experts must stay in RAM for all else to fit; None when not even all of them are enough."""
    if not any(weights.experts):
        return None
    count = len(facts.layers)

    def fits(on_device: int) -> bool:
        return _largest(held(facts, settings, weights, place._replace(cpu_moe=count - on_device))) <= room

    return count - _last(fits, count) if fits(0) else None


def _largest(devices: list[Held]) -> int:
    return max(device.total for device in devices)


def _last(fits: Callable[[int], bool], most: int) -> int:
    """The last number up to `most` that fits, where each one takes more than the one before; 0 is taken to fit."""
    low, high = 0, most + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
