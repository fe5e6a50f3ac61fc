"""Where llama.cpp puts each layer, and how few layers show the whole pattern.

Source: llama.cpp commit 0c1e57098, src/llama-model.cpp (`load_tensors`: the last layers go to the devices, split by
`tensor_split`, the output with them), common/arg.cpp (``--n-cpu-moe``, ``--n-cpu-ffn``), src/llama-context.cpp
(pipeline of devices) and ggml/src/ggml-cuda/ggml-cuda.cu (alignment).
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import NamedTuple

from llmscale.runtimes.llama_cpp.cells import CUDA_ALIGN
from llmscale.runtimes.llama_cpp.facts import Experts, Facts, Layer

#: Alignment of tensors in host memory (ggml-backend.cpp).
HOST_ALIGN = 32
#: Longest pattern of layers that is looked for, and how often it is kept.
LONGEST = 12
REPEATS = 3
#: The allocator may find the same holes only every second or third time that a layer is repeated, so that what is
#: left out is a multiple of both; of parts of several layers, only every second.
ROUND = 6
ROUND_OF_SEVERAL = 2


class Place(NamedTuple):
    """The devices, and what goes to them.

    Attributes:
        devices: devices besides the host; 0 to run on the host alone.
        gpu_layers: layers on the devices, the output counted as one (``--gpu-layers``); None for all.
        split: share of the layers that each device gets (``--tensor-split``; by default each one's free memory, and
            here equal shares); empty for equal shares.
        cpu_moe, cpu_ffn: first layers whose experts, or whose dense feed-forward, stay on the host.
        cuda: whether the devices are CUDA's; else they align and take room as host memory does.
        weights: type of the weights that are streamed to a device (see `Settings.op_offload`).
        pipeline: whether several devices work on several batches at once, when llama.cpp would let them.
    """

    devices: int = 0
    gpu_layers: int | None = None
    split: tuple[float, ...] = ()
    cpu_moe: int = 0
    cpu_ffn: int = 0
    cuda: bool = True
    weights: str = "f16"
    pipeline: bool = True

    @property
    def host(self) -> int:
        """The number of the host."""
        return self.devices

    @property
    def align(self) -> tuple[int, ...]:
        """Alignment of each buffer."""
        return (CUDA_ALIGN if self.cuda else HOST_ALIGN,) * self.devices + (HOST_ALIGN,)


class Spot(NamedTuple):
    """A layer, and the devices of its weights and of its feed-forward's.

    Attributes:
        deep: whether features of an image are added to its output.
    """

    layer: Layer
    home: int
    ffn: int
    deep: bool = False


def homes(layers: int, place: Place) -> list[int]:
    """The device of each layer, then that of the output."""
    if not place.devices:
        return [0] * (layers + 1)
    wanted = layers + 1 if place.gpu_layers is None else place.gpu_layers
    start, on_devices = max(layers + 1 - wanted, 0), min(wanted, layers + 1)
    shares = place.split or (1.0,) * place.devices
    points = list(accumulate(share / sum(shares) for share in shares))
    return [
        place.host if number < start else min(bisect_right(points, (number - start) / on_devices), place.devices - 1)
        for number in range(layers + 1)
    ]


def spots(facts: Facts, place: Place) -> list[Spot]:
    """Where each layer goes."""
    where = homes(len(facts.layers), place)
    result = []
    for number, layer in enumerate(facts.layers):
        stays = place.cpu_moe if isinstance(layer.ffn, Experts) else place.cpu_ffn
        ffn = place.host if number < stays else where[number]
        result.append(Spot(layer, where[number], ffn, number < facts.deepstack))
    return result


def pipelined(facts: Facts, place: Place, kv_offload: bool) -> bool:
    """Whether inputs are held several times so that devices can work on several batches at once."""
    whole = place.gpu_layers is None or place.gpu_layers > len(facts.layers)
    return place.pipeline and place.devices > 1 and whole and kv_offload and not (place.cpu_moe or place.cpu_ffn)


def few(sequence: list[Spot]) -> list[Spot]:
    """The same pattern with each repeated part kept only so often as the allocator needs to settle.

    A part that repeats ever more often adds nothing: every round finds the holes of the last one. That this holds is
    tested against whole models.
    """
    result: list[Spot] = []
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
