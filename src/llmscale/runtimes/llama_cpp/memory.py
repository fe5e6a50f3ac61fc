"""What llama.cpp's process holds on each device and in host memory, layer by layer.

``-ngl N`` puts the last N layers on the devices, the output counted as one of them; ``--n-cpu-moe N`` keeps the experts
of the first N layers in host memory. The weights follow the layers (exact), cache and state are the simulator's, and so
are the compute buffers.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from llmscale.formats.gguf.convert import TOWERS
from llmscale.formats.recipe import StoredTensor
from llmscale.formats.weights import ON_HOST
from llmscale.records import NamedTuple
from llmscale.runtimes.curve import Curve, Values
from llmscale.runtimes.llama_cpp.facts import ModelFacts
from llmscale.runtimes.llama_cpp.settings import LlamaCppSettings, Offload
from llmscale.runtimes.llama_cpp.simulator.buffers import compute_bytes
from llmscale.runtimes.llama_cpp.simulator.cells import CELLS, cache_bytes, output_bytes, state_bytes
from llmscale.runtimes.llama_cpp.simulator.layers import layer_devices

#: Cells up to which the curves of compute buffers are looked at.
FURTHEST = (1 << 20) // CELLS


class LayerWeights(NamedTuple):
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
    """Bytes on one device, or in host memory."""

    weights: int
    cache: int
    state: int
    compute: int

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self)


def layer_weights(stored: Sequence[StoredTensor], count: int) -> LayerWeights:
    """The weights of a file by layer; of a checkpoint that has towers, these lie with the output."""
    layers, experts, output, host, tied = [0] * count, [0] * count, 0, 0, 0
    apart = any(tensor.group.name == "output.weight" for tensor in stored)
    for group, form in stored:
        size = form.size(group.shape) * group.experts
        placed = () if group.component in TOWERS else group.layers
        for layer in placed:
            layers[layer] += size
            if group.component == "experts":
                experts[layer] += size
        size *= 1 if placed else max(1, len(group.layers))
        looked_up = group.name == ON_HOST[0] and not apart
        if not placed and (group.name not in ON_HOST or looked_up):
            output += size
        if group.name in ON_HOST:
            host += size
            tied += size if looked_up else 0
    return LayerWeights(tuple(layers), tuple(experts), output, host, tied)


def streamed_types(stored: Sequence[StoredTensor]) -> tuple[tuple[tuple[int, ...], str], ...]:
    """The ggml type of the weights by their shape; of several the widest, since the peak is what counts."""
    found: dict[tuple[int, ...], tuple[int, str]] = {}
    for group, form in stored:
        shape = (*group.shape[::-1], group.experts) if group.experts > 1 else group.shape[::-1]
        found[shape] = max(found.get(shape, (0, "")), (form.size(group.shape), form.id))
    return tuple((shape, kind) for shape, (_, kind) in found.items())


def held(
    facts: ModelFacts, settings: LlamaCppSettings, weights: LayerWeights, offload: Offload, *, computes: bool = True
) -> list[Held]:
    """What each device holds, and last what is in host memory, the buffer of the logits among its compute buffers.

    Args:
        computes: False leaves the compute buffers out, which are simulated; all else is a sum.

    The file's weights in host memory are mapped from it, so that they may be paged out and in again; too little memory
    for them is taken for too little all the same.
    """
    where, count = layer_devices(len(facts.layers), offload), len(facts.layers)
    whole = not offload.overridden and (offload.gpu_layers is None or offload.gpu_layers > count)
    # Weights are streamed from host memory alone.
    laid = offload._replace(streamed=()) if whole else offload
    states = state_bytes(facts, settings)
    compute = compute_on(facts, settings, laid) if computes else (0,) * (offload.devices + 1)
    left_out = [size if offload.keeps_experts(number) else 0 for number, size in enumerate(weights.experts)]
    found = []
    for device in range(offload.devices + 1):
        in_ram = device == offload.host
        here = [number for number in range(count) if where[number] == device]
        size = sum(weights.layers[n] - left_out[n] for n in here)
        size += weights.output - (weights.tied if in_ram else 0) if where[-1] == device else 0
        kept = here if settings.kv_offload else range(count) if in_ram else []
        further = 0
        if in_ram:
            size += weights.host + sum(left_out)
            further = output_bytes(facts, settings)
        caches = cache_bytes(facts, settings, offload.cuda and not in_ram)
        found.append(Held(size, sum(caches[n] for n in kept), sum(states[n] for n in kept), compute[device] + further))
    return found


def layer_sizes(facts: ModelFacts, settings: LlamaCppSettings, weights: LayerWeights, offload: Offload) -> list[int]:
    """Bytes that each layer takes of a device with its cache and state, and last those of the output."""
    caches, states = cache_bytes(facts, settings, offload.cuda), state_bytes(facts, settings)
    sizes = [
        size
        - (weights.experts[number] if offload.keeps_experts(number) else 0)
        + (caches[number] + states[number] if settings.kv_offload else 0)
        for number, size in enumerate(weights.layers)
    ]
    return [*sizes, weights.output]


@lru_cache(maxsize=4096)
def compute_on(facts: ModelFacts, settings: LlamaCppSettings, offload: Offload) -> Values:
    """Bytes of the compute buffer of each device, the host last; simulated once."""
    return compute_bytes(facts, settings, offload)


def straight_points(facts: ModelFacts, settings: LlamaCppSettings, last: int) -> list[tuple[int, int, int]]:
    """Cells, and the bytes of the compute buffers of one device and of the host, between which they lie on a line.

    Args:
        last: cells up to which they are wanted.
    """

    def at(cells: int) -> Values:
        return compute_bytes(facts, settings._replace(n_ctx=cells * CELLS), Offload(devices=1))

    return [(cells, device, host) for cells, (device, host) in Curve(at, last).points()]
