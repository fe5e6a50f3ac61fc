"""Layers between devices and RAM, as llama.cpp puts them: what each holds, and how many fit.

``-ngl N`` puts the last N layers on the devices, the output counted as one of them; ``--n-cpu-moe N`` keeps the experts
of the first N layers in RAM. The weights follow the layers (exact), cache and compute buffers are those of `buffers`.
Both numbers are found by halving, since each layer more takes more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from llmscale.formats.recipe import StoredTensor
from llmscale.formats.weights import ON_HOST
from llmscale.runtimes.llama_cpp.facts import ModelFacts
from llmscale.runtimes.llama_cpp.settings import LlamaCppSettings, Offload
from llmscale.runtimes.llama_cpp.simulator.buffers import compute_bytes
from llmscale.runtimes.llama_cpp.simulator.cells import cache_bytes, output_bytes, state_bytes
from llmscale.runtimes.llama_cpp.simulator.layers import layer_devices

#: Bytes that each device has for everything but the process itself.
Rooms = Sequence[int]


class Layers(NamedTuple):
    """Bytes of the weights of each layer, of its experts among them, of the output, and of what is always in RAM.

    Attributes:
        tied: bytes of the output that are always in RAM as well, since it is the table that tokens are looked up in.
    """

    layers: tuple[int, ...]
    experts: tuple[int, ...]
    output: int
    host: int
    tied: int


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


def layers_of(stored: Sequence[StoredTensor], count: int) -> Layers:
    """The weights of a GGUF file by layer."""
    layers, experts, output, host, tied = [0] * count, [0] * count, 0, 0, 0
    apart = any(each.group.name == "output.weight" for each in stored)
    for group, form in stored:
        size = form.size(group.shape) * group.experts
        for layer in group.layers:
            layers[layer] += size
            if group.component == "experts":
                experts[layer] += size
        if not group.layers and (group.name not in ON_HOST or (group.name == ON_HOST[0] and not apart)):
            output += size
        if group.name in ON_HOST:
            host += size
            tied += size if group.name == ON_HOST[0] and not apart else 0
    return Layers(tuple(layers), tuple(experts), output, host, tied)


def held(facts: ModelFacts, settings: LlamaCppSettings, weights: Layers, place: Offload) -> list[Held]:
    """What each device holds, and last what is in RAM, the buffer of the logits among its compute buffers.

    The file's weights in RAM are mapped from it, so that they may be paged out and in again; too little RAM for them
    is taken for too little all the same.
    """
    where = layer_devices(len(facts.layers), place)
    states, count = state_bytes(facts, settings), len(facts.layers)
    compute = compute_bytes(facts, settings, place)
    left_out = [size if number < place.cpu_moe else 0 for number, size in enumerate(weights.experts)]
    found = []
    for device in range(place.devices + 1):
        in_ram = device == place.host
        here = [number for number in range(count) if where[number] == device]
        size = sum(weights.layers[n] - left_out[n] for n in here)
        size += weights.output - (weights.tied if in_ram else 0) if where[-1] == device else 0
        kept = here if settings.kv_offload else range(count) if in_ram else []
        further = 0
        if in_ram:
            size += weights.host + sum(left_out)
            further = output_bytes(facts, settings)
        caches = cache_bytes(facts, settings, place.cuda and not in_ram)
        found.append(Held(size, sum(caches[n] for n in kept), sum(states[n] for n in kept), compute[device] + further))
    return found


def most_layers(facts: ModelFacts, settings: LlamaCppSettings, weights: Layers, place: Offload, rooms: Rooms) -> int:
    """The most layers, the output counted as one, with which no device holds more than its room."""

    def fits(layers: int) -> bool:
        return spare(held(facts, settings, weights, place._replace(gpu_layers=layers)), rooms) >= 0

    # All of them may fit where one less does not: only a partial offload streams weights to the device.
    count = len(facts.layers) + 1
    return count if fits(count) else _last(fits, count)


def fewest_cpu_moe(
    facts: ModelFacts, settings: LlamaCppSettings, weights: Layers, place: Offload, rooms: Rooms
) -> int | None:
    """Of how few layers the experts must stay in RAM for all else to fit; None when not even all of them are enough."""
    if not any(weights.experts):
        return None
    count = len(facts.layers)

    def fits(on_device: int) -> bool:
        return spare(held(facts, settings, weights, place._replace(cpu_moe=count - on_device)), rooms) >= 0

    return count - _last(fits, count) if fits(0) else None


def spare(holding: list[Held], rooms: Rooms) -> int:
    """Bytes that are left on the device that has the least left; negative when they are missing."""
    return min(room - each.total for room, each in zip(rooms, holding[:-1], strict=True))


def _last(fits: Callable[[int], bool], most: int) -> int:
    """The last number up to `most` that fits, where each one takes more than the one before; 0 is taken to fit."""
    low, high = 0, most + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
