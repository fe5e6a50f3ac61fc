"""Which device llama.cpp gives each layer to, and how few layers show the whole pattern.

Source: llama.cpp commit 0c1e57098, src/llama-model.cpp (`load_tensors`: the last layers go to the devices, split by
`tensor_split`, the output with them), common/arg.cpp (``--n-cpu-moe``, ``--n-cpu-ffn``) and src/llama-context.cpp
(pipeline of devices).
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate

from llmscale.records import NamedTuple
from llmscale.runtimes.llama_cpp.facts import ExpertsFacts, LayerFacts, ModelFacts
from llmscale.runtimes.llama_cpp.settings import Offload

#: Longest pattern of layers that is looked for, and how often it is kept.
LONGEST = 12
REPEATS = 3
#: The allocator may find the same holes only every second or third time that a layer is repeated, so that what is
#: left out is a multiple of both; of parts of several layers, only every second.
ROUND = 6
ROUND_OF_SEVERAL = 2


class PlacedLayer(NamedTuple):
    """A layer, and the devices of its weights and of its feed-forward's.

    Attributes:
        deepstack: whether features of an image are added to its output.
    """

    layer: LayerFacts
    device: int
    ffn_device: int
    deepstack: bool = False


def layer_devices(layers: int, offload: Offload) -> list[int]:
    """The device of each layer, then that of the output."""
    if not offload.devices:
        return [0] * (layers + 1)
    wanted = layers + 1 if offload.gpu_layers is None else offload.gpu_layers
    start, on_devices = max(layers + 1 - wanted, 0), min(wanted, layers + 1)
    shares = offload.split or (1.0,) * offload.devices
    points = list(accumulate(share / sum(shares) for share in shares))
    return [
        offload.host
        if number < start
        else min(bisect_right(points, (number - start) / on_devices), offload.devices - 1)
        for number in range(layers + 1)
    ]


def placed_layers(facts: ModelFacts, offload: Offload) -> list[PlacedLayer]:
    """The layers with their devices."""
    devices = layer_devices(len(facts.layers), offload)
    result = []
    for number, layer in enumerate(facts.layers):
        stays = offload.keeps_experts(number) if isinstance(layer.ffn, ExpertsFacts) else number < offload.cpu_ffn
        ffn_device = offload.host if stays else devices[number]
        result.append(PlacedLayer(layer, devices[number], ffn_device, number < facts.deepstack))
    return result


def is_pipelined(facts: ModelFacts, offload: Offload, kv_offload: bool) -> bool:
    """Whether inputs are held several times so that devices can work on several batches at once."""
    whole = offload.gpu_layers is None or offload.gpu_layers > len(facts.layers)
    return offload.pipeline and offload.devices > 1 and whole and kv_offload and not offload.overridden


def shortened(sequence: list[PlacedLayer]) -> list[PlacedLayer]:
    """The same pattern with each repeated part kept only so often as the allocator needs to settle.

    A part that repeats ever more often adds nothing: every round finds the holes of the last one. That this holds is
    tested against whole models.
    """
    result: list[PlacedLayer] = []
    at = 0
    while at < len(sequence):
        period, length = 1, 1
        for candidate in range(1, LONGEST + 1):
            end = at + candidate
            while end < len(sequence) and sequence[end] == sequence[end - candidate]:
                end += 1
            if end - at > max(length, REPEATS * candidate):
                period, length = candidate, end - at
                break
        spare = length - REPEATS * period
        keep = (
            length if spare <= 0 else REPEATS * period + spare % ((ROUND if period == 1 else ROUND_OF_SEVERAL) * period)
        )
        result += sequence[at : at + keep]
        at += length
    return result
