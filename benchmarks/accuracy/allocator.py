"""PyTorch's caching allocator, as far as it decides what loaded weights count as: `c10/cuda/CUDACachingAllocator.cpp`, 2.3.

What ``torch.cuda.max_memory_allocated`` counts are blocks, and a block is as large as it was asked for only where the rest of
it is worth splitting off: in segments of up to 1 MiB a rest of 512 bytes is, in larger ones a rest above 1 MiB.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable

from llmscale.formats.recipe import Allotted
from llmscale.units import MIB

GRAIN = 512
SMALL, SMALL_SEGMENT = MIB, 2 * MIB
LARGE, LARGE_SEGMENT = 10 * MIB, 20 * MIB
ROUND_LARGE = 2 * MIB


def held(sizes: Iterable[int], warm: int = 0) -> int:
    """Bytes of the blocks that tensors of these sizes are given one after another.

    Args:
        warm: one free block that is there before, which `caching_allocator_warmup` of transformers makes.
    """
    free: dict[bool, list[int]] = {True: [], False: [_rounded(warm, ROUND_LARGE)] if warm else []}
    total = 0
    for size in sizes:
        asked = _rounded(max(size, 1), GRAIN)
        small = asked <= SMALL
        pool = free[small]
        place = bisect_left(pool, asked)
        block = pool.pop(place) if place < len(pool) else _segment(asked)
        rest = block - asked
        if rest >= GRAIN if small else rest > SMALL:
            insort(pool, rest)
            block = asked
        total += block
    return total


def _segment(asked: int) -> int:
    if asked <= SMALL:
        return SMALL_SEGMENT
    return LARGE_SEGMENT if asked < LARGE else _rounded(asked, ROUND_LARGE)


def _rounded(size: int, multiple: int) -> int:
    return -(-size // multiple) * multiple


def tensor_sizes(found: Iterable[Allotted]) -> list[int]:
    """Bytes of every tensor that a checkpoint holds, plane by plane, in the order of their names."""
    named: list[tuple[str, int, int]] = []
    for each in found:
        group = each.group
        numbered = [group.name.replace("{layer}", str(layer)) for layer in group.layers] or [group.name]
        planes = [each.format.plane_bytes(group.shape, number) for number in range(len(each.format.planes))]
        for name in numbered:
            for expert in range(group.experts):
                own = name.replace("{expert}", str(expert))
                named += [(own, number, size) for number, size in enumerate(planes)]
    return [size for _, _, size in sorted(named)]
