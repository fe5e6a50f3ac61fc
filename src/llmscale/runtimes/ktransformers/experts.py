"""Routed experts under KTransformers: their bytes in host memory, and which of them lie on the devices.

Read in KTransformers 0.7.0 (commit 95009ea), ``kt-kernel/operators/amx/``: room is made for all experts of a layer,
those on a device too (`AMX_MOE_BASE::init` in ``moe_base.hpp``), and all are filled (``moe.hpp``, ``fp8-moe.hpp``,
``k2-moe.hpp``); what a matrix takes is `required_size` of its format in ``la/amx_kernels.hpp``, ``amx_buffers.hpp`` and
``amx_raw_buffers.hpp``. Threads of each NUMA node have a share of them, and no copy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import ceil, prod

from llmscale.model.inventory import TensorGroup, inventory
from llmscale.model.spec import ModelSpec
from llmscale.runtimes.parallel.shards import PlaneBytes

#: Bytes of a scale, sides of FP8's blocks, inputs of a group of 4 bits.
SCALE, BLOCK, GROUP = 4, 128, 32
#: Bytes of a matrix of so many outputs and inputs, by ``--kt-method``.
BYTES: dict[str, Callable[[int, int], int]] = {
    "bf16": lambda n, k: 2 * n * k,
    "fp8": lambda n, k: n * k + SCALE * ceil(n / BLOCK) * ceil(k / BLOCK),
    "fp8_perchannel": lambda n, k: n * k + SCALE * n,
    "rawint4": lambda n, k: n * k // 2 + SCALE * n * (k // GROUP),
    "amxint8": lambda n, k: n * k + SCALE * n,
    "amxint4": lambda n, k: n * k // 2 + SCALE * n,
}


def routed(spec: ModelSpec) -> Iterator[TensorGroup]:
    """The matrices of routed experts."""
    groups = inventory(spec).groups
    return (group.turned for group in groups if group.component == "experts" and len(group.shape) == 2)


def experts_of(spec: ModelSpec) -> int:
    """Routed experts of a layer; 0 for none."""
    return max((group.experts for group in routed(spec)), default=0)


def host_bytes(spec: ModelSpec, method: str) -> int:
    """Bytes of all routed experts in host memory."""
    return sum(group.copies * BYTES[method](*group.shape) for group in routed(spec))


def layer_bytes(spec: ModelSpec, sizes: PlaneBytes) -> int:
    """Bytes of all routed experts of the layer that has most of them, as a device holds them."""
    each: dict[int, int] = {}
    for group in routed(spec):
        for layer in group.layers:
            each[layer] = each.get(layer, 0) + group.experts * sum(sizes(group, group.shape))
    return max(each.values(), default=0)


def on_devices(sizes: PlaneBytes, count: int, experts: int) -> PlaneBytes:
    """Bytes of tensors where only `count` of a layer's `experts` lie on devices."""

    def size(group: TensorGroup, shape: tuple[int, ...]) -> tuple[int, ...]:
        planes = sizes(group, shape)
        if group.component != "experts" or not prod(shape):
            return planes
        return tuple(plane * count // experts for plane in planes)

    return size
