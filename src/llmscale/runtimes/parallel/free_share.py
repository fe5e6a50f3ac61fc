"""A rank whose cache is a share of what is free once all else is there, and what is taken besides is a range.

So TensorRT-LLM and TurboMind start; what they take before the cache is made, and when, is in their rooms.
"""

from __future__ import annotations

from llmscale.records import NamedTuple
from llmscale.runtimes.placed import CACHE, COMPUTE, OVERHEAD, WEIGHTS, Usage, modelled


class Besides(NamedTuple):
    """Bytes of a rank besides weights and what a step computes with: as counted, at the least, at the most."""

    counted: int
    least: int
    most: int


class Cache(NamedTuple):
    """What one rank makes of what is free.

    Attributes:
        free: bytes when the cache is measured; negative where the weights do not fit.
        rest: those that the cache leaves.
        blocks: whole blocks in what it takes.
        block: tokens of one.
    """

    free: int
    rest: int
    blocks: int
    block: int

    @property
    def tokens(self) -> int:
        """Tokens in all blocks."""
        return self.blocks * self.block

    def requests(self, context: int) -> float:
        """Requests of `context` tokens whose blocks there are."""
        return self.blocks / -(-context // self.block)


def usage(
    visible: int, cache: Cache, share: float, besides: Besides, *, weights: int, asked: int, step: int = 0
) -> Usage:
    """A rank of `visible` bytes; of them what the cache leaves is not usable.

    Args:
        share: of what is free, what the cache takes.
        asked: bytes of the cache of the requests asked for.
        step: bytes that a step computes with, where room is made for it before the cache.
    """
    sizes = ((WEIGHTS, weights), (CACHE, asked), (COMPUTE, step), (OVERHEAD, besides.counted))
    used = sum(size for _, size in sizes)
    # What more is taken before the cache is made takes only its share of the cache.
    weight = share if cache.free > 0 else 1.0
    less, more = besides.counted - besides.least, besides.most - besides.counted
    ends = used - int(less * weight), used + int(more * weight)
    return Usage(visible - cache.rest, modelled(sizes), ends)
