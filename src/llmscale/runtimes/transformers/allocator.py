"""What loaded weights count as in PyTorch's caching allocator (`c10/cuda/CUDACachingAllocator.cpp`, 2.3).

``torch.cuda.max_memory_allocated`` counts blocks, and a block is as large as was asked for only where the rest of it is
worth splitting off: in segments of up to 1 MiB a rest of 512 bytes is, in larger ones a rest above 1 MiB. A matrix of
135 MiB is given a segment of 136 and counts for all of it. transformers from 4.50 on first takes one block for
everything (``caching_allocator_warmup``), out of which the tensors are cut.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable
from math import prod

from llmscale.formats.layout import Format
from llmscale.formats.recipe import StoredTensor
from llmscale.units import MIB

GRAIN = 512
SMALL, SMALL_SEGMENT = MIB, 2 * MIB
LARGE, LARGE_SEGMENT = 10 * MIB, 20 * MIB
ROUND_LARGE = 2 * MIB


def held(sizes: Iterable[int], warm: int = 0) -> int:
    """Bytes of the blocks that tensors of these sizes are given one after another.

    Args:
        warm: bytes of one free block that is there before.
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
        if (rest >= GRAIN) if small else (rest > SMALL):
            insort(pool, rest)
            block = asked
        total += block
    return total


def tensor_sizes(found: Iterable[StoredTensor]) -> list[int]:
    """Bytes of every tensor of a checkpoint in the order of names; each plane of a format is a tensor of its own."""
    named: list[tuple[str, int, int]] = []
    for each in found:
        group, planes = each.group, _planes(each.form, each.group.shape)
        for layer in group.layers or (None,):
            for expert in range(group.experts):
                name = group.name.replace("{layer}", str(layer)).replace("{expert}", str(expert))
                named += [(name, number, size) for number, size in enumerate(planes)]
    return [size for _, _, size in sorted(named)]


def _planes(form: Format, shape: tuple[int, ...]) -> list[int]:
    *stack, rows, columns = (1, 1, *shape)
    if form.flat:
        rows, columns = 1, rows * columns
    return [
        prod(stack) * plane.bytes * -(-rows // (plane.rows or rows)) * -(-columns // (plane.columns or columns))
        for plane in form.planes
    ]


def _segment(asked: int) -> int:
    if asked <= SMALL:
        return SMALL_SEGMENT
    return LARGE_SEGMENT if asked < LARGE else _rounded(asked, ROUND_LARGE)


def _rounded(size: int, multiple: int) -> int:
    return -(-size // multiple) * multiple
