"""What PyTorch's allocator leaves unused beside the weights of a rank.

From 10 MiB on a tensor has a segment of its own in whole 2 MiB, and what is left of it is cut off only where it is more
than 1 MiB (``c10/cuda/CUDACachingAllocator.cpp``: ``kMinLargeAlloc``, ``kRoundLarge``, ``kSmallSize``).
"""

from __future__ import annotations

from collections.abc import Iterable

from llmscale.runtimes.parallel.shards import PlaneBytes, Shard
from llmscale.units import MIB

#: Least tensor with a segment of its own, what its size is a multiple of, least rest that is cut off.
OWN_SEGMENT, SEGMENT_STEP, LEAST_REMAINDER = 10 * MIB, 2 * MIB, MIB
#: Roles that are stored in one tensor where they stand together.
FUSED = {
    **{f"attention.{part}": "qkv" for part in ("q", "k", "v")},
    **{f"attention.{part}": "qkv_a" for part in ("q_a", "kv_a")},
    **{f"{part}.{name}": "gate_up" for part in ("mlp", "shared_experts", "experts") for name in ("gate", "up")},
    "recurrent.in": "in",
}


def allocator_slack(held: Iterable[Shard], planes: PlaneBytes) -> int:
    """What PyTorch counts as allocated besides the tensors' own bytes.

    Servers keep as one tensor what is computed at once: gate and up, the projections into heads, all experts of a
    layer. A segment that was used before may fit better, so this is the most it can be.
    """
    fused: dict[tuple[object, ...], tuple[int, int]] = {}
    for shard in held:
        place, _, kind = shard.group.name.rpartition(".")
        parent, part = place.rpartition(".")[0], FUSED.get(shard.group.role)
        for number, plane in enumerate(planes(shard.group, shard.shape)):
            key = (shard.group.layers, parent if part else place, part, kind, number)
            _, size = fused.get(key, (0, 0))
            fused[key] = (shard.layers, size + shard.experts * plane)
    return sum(layers * _slack(size) for layers, size in fused.values())


def _slack(size: int) -> int:
    left = -size % SEGMENT_STEP
    return left if size >= OWN_SEGMENT and left <= LEAST_REMAINDER else 0
