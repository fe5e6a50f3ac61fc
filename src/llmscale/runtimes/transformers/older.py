"""What older releases of transformers, and the loaders that they had, keep in PyTorch's allocator besides.

Read in Qwen2's class: of another one the newest release's figure is the least. Weights are given a block each
(`allocator`), cuBLAS's workspace is 4,096 KiB twice and 16 KiB eight times before Hopper and 32 MiB from then on
(``CublasHandlePool.cpp`` of ATen). That AWQ's checkpoints of tied models hold a head of their own until it is tied was
read off the one published row where it shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from llmscale.devices.device import known
from llmscale.devices.sets import DeviceSet
from llmscale.model.blocks.attention import Attention
from llmscale.model.spec import ModelSpec
from llmscale.quantity import Basis, Quantity
from llmscale.runtimes.general import Memory
from llmscale.runtimes.subject import Exact
from llmscale.runtimes.transformers.allocator import held, tensor_sizes
from llmscale.runtimes.transformers.releases import TransformersRules, release
from llmscale.units import KIB, MIB

#: Model types whose class was read.
READ = frozenset({"qwen2"})
BF16 = 2
HOPPER = 9.0
WORKSPACE, HOPPER_WORKSPACE = 8 * MIB + 128 * KIB, 32 * MIB
#: How a format of 4-bit GPTQ is called.
GPTQ, FOUR_BIT = "gptq", 8


def aged(subject: Exact, memory: Memory, newest: int, version: str, devices: DeviceSet) -> Memory:
    """What the release called `version` takes of each device.

    Args:
        memory: with what its code has alive.
        newest: bytes that the newest release's code has alive.
    """
    rules, compute = release(version), memory.compute
    more = besides(subject, rules, devices)
    loading = (untied(subject) - memory.cache.value) // devices.count
    value = max(compute.value, loading) + more
    if subject.spec.family in READ:
        return memory._replace(compute=Quantity.exactly(value, compute.basis))
    return memory._replace(compute=Quantity(value, min(newest, value), max(value, compute.high), Basis.ASSUMED))


def besides(subject: Exact, rules: TransformersRules, devices: DeviceSet) -> int:
    """Bytes of each device throughout: blocks that are larger than their tensors, workspace, buffers."""
    each = workspace(devices) + (buffer(subject) if rules.gptq_buffer else 0)
    rounded = 0 if rules.loaded_whole else rounding(subject)
    return each + (rounded + (cosines(subject.spec) if rules.cosines_held else 0)) // devices.count


def workspace(devices: DeviceSet) -> int:
    """cuBLAS's, of one device."""
    found = known(devices.kinds[0].id)
    return HOPPER_WORKSPACE if found and (found.compute_capability or 0) >= HOPPER else WORKSPACE


@lru_cache(maxsize=64)
def rounding(subject: Exact) -> int:
    """Bytes by which the blocks of all tensors are larger than these."""
    sizes = tensor_sizes(subject.stored)
    return held(sizes) - sum(sizes)


def buffer(subject: Exact) -> int:
    """AutoGPTQ's, for the largest 4-bit matrix in FP16."""
    if not subject.quant.id.startswith(GPTQ):
        return 0
    packed = [each.group.shape for each in subject.stored if each.form.bits < FOUR_BIT]
    return max((rows * columns for rows, columns in packed), default=0) * BF16


def cosines(spec: ModelSpec) -> int:
    """What each layer holds of cosines and sines of all positions."""
    heads = [(placed.block, len(placed.layers)) for placed in spec.placed]
    return sum(
        2 * layers * (spec.max_context or 0) * block.head_dim * BF16
        for block, layers in heads
        if isinstance(block, Attention)
    )


def untied(subject: Exact) -> int:
    """A head of its own that an AWQ checkpoint of a tied model has until it is loaded."""
    tied = any(group.tied_to for group in subject.inventory.groups)
    return subject.spec.vocab_size * subject.spec.hidden_size * BF16 if tied and subject.quant.id == "awq" else 0


def explained(subject: Exact, version: str, devices: DeviceSet) -> Iterator[str]:
    """What is counted as compute besides, for ``--explain``."""
    yield (
        f"  compute of transformers {version} besides = {besides(subject, release(version), devices):,} bytes of each "
        "device: blocks larger than their tensors, cuBLAS's workspace, what its loader and its classes keep (modelled: "
        "read in Qwen2's class)"
    )
    if subject.spec.family not in READ:
        yield f"  of {subject.spec.name} that release's class was not read: it may take what the newest does"
