"""From bytes for the KV cache to blocks and requests.

Read in vLLM 0.19.0: groups and blocks in ``vllm/v1/core/kv_cache_utils.py`` (``get_kv_cache_groups``,
``_get_kv_cache_groups_uniform_page_size``, ``get_kv_cache_config_from_groups``), block sizes of hybrid models in
``vllm/model_executor/models/config.py`` (``HybridAttentionMambaModelConfig``).

- A page is one layer's share of a block of 16 tokens: K and V of the rank's KV heads; for MLA one latent, which every
  rank holds whole.
- Layers that are alike form one group. Where there are several kinds (windows, recurrent states), each kind is cut
  into groups of as many layers as the smallest kind has (as the largest has, where that is less than half more), and
  all groups draw blocks from one pool, so a group that has a layer less still takes the whole block.
- Pages of different size are made equal by longer blocks for the smaller; that of a recurrent state by attention
  blocks so long that it fits, and padding.
- Pipeline stages share the groups; each has its own layers of them, and the stage with the fewest blocks decides.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from math import ceil

from llmscale.errors import UnsupportedModelError
from llmscale.model.blocks.attention import Indexer
from llmscale.model.spec import ModelSpec
from llmscale.records import NamedTuple
from llmscale.runtimes.parallel.blocks import CacheKind, Keeping, computed, kept
from llmscale.runtimes.parallel.ranks import ALONE, Parallel, stage_layers
from llmscale.runtimes.parallel.shards import text_blocks

#: Tokens of a block (``CacheConfig.DEFAULT_BLOCK_SIZE``); some attention backends ask for more.
BLOCK = 16
#: Hybrid models with MLA align blocks to its kernels' blocks.
MLA_ALIGNMENT = 64
#: Up to how many times the layers of the smallest kind the largest one is not cut.
UNCUT = 1.5


class Paging(NamedTuple):
    """What besides the model decides how its cache is paged.

    Attributes:
        step: tokens that are computed at once.
        states: state blocks that a request takes.
        block_size: tokens of a block.
    """

    step: int
    states: int = 1
    block_size: int = BLOCK


class CacheGroup(NamedTuple):
    """Layers that share a block table.

    Attributes:
        block_size: tokens of a block; 0 of a state.
        request_blocks: blocks that a request of the whole context takes of it.
    """

    layers: tuple[int, ...]
    block_size: int
    request_blocks: int


class CacheLayout(NamedTuple):
    """How a model's cache is laid out.

    Attributes:
        stage_block_bytes: bytes of one block on a rank of each pipeline stage.
    """

    groups: tuple[CacheGroup, ...]
    stage_block_bytes: tuple[int, ...]

    @property
    def request_blocks(self) -> int:
        """Blocks that a request of the whole context takes of all groups."""
        return sum(group.request_blocks for group in self.groups)


def kinds(spec: ModelSpec, how: Keeping, crossed: Collection[str] = (), chunked: str = "") -> list[CacheKind]:
    """What the layers of a model cache on one rank.

    Args:
        how: its `Keeping.sparse` follows from the model.
        crossed: families whose attention to an encoder the server has.
        chunked: how families begin whose local layers keep every token, in chunks.

    Raises:
        UnsupportedModelError: a cache that is not modelled.
    """
    how = how._replace(sparse=any(isinstance(placed.block, Indexer) for placed in spec.placed))
    merged: dict[CacheKind, list[int]] = {}
    for placed in text_blocks(spec):
        kind = kept(computed(placed.block), how)
        if kind is None:
            continue
        if kind.crossed and spec.family not in crossed:
            raise UnsupportedModelError(f"What {spec.family}'s cross-attention keeps is not modelled.")
        if chunked and spec.family.startswith(chunked):
            kind = kind._replace(window=None)
        merged.setdefault(kind, []).extend(placed.layers)
    return [kind._replace(layers=tuple(sorted(layers))) for kind, layers in merged.items()]


def layout(
    of: Sequence[CacheKind], layers: int, context: int, paging: Paging, parallel: Parallel = ALONE
) -> CacheLayout:
    """Groups and block sizes for requests of `context` tokens of a model of so many `layers`.

    Raises:
        UnsupportedModelError: pages that cannot be made equal.
    """
    stages = [stage_layers(layers, parallel.pipeline, stage) for stage in range(parallel.pipeline)]
    if not any(kind.state_bytes for kind in of) and len({(kind.window, kind.crossed) for kind in of}) == 1:
        return _one_group(of, stages, context, paging)
    page, sized = _equal_pages(of, paging.block_size)
    width = _group_width([len(kind.layers) for kind, _ in sized])
    groups = []
    for kind, size in sized:
        count = ceil(len(kind.layers) / width)
        asked = _request_blocks(kind, size, context, paging)
        groups += [CacheGroup(kind.layers[first::count], size, asked) for first in range(count)]
    pools = tuple(page * max(sum(n in stage for n in group.layers) for group in groups) for stage in stages)
    return CacheLayout(tuple(groups), pools)


def blocks(available: Sequence[int], plan: CacheLayout) -> int:
    """Blocks that `available` bytes on a rank of each pipeline stage make; the stage with the fewest decides."""
    pairs = [pair for pair in zip(available, plan.stage_block_bytes, strict=True) if pair[1]]
    return max(0, min(free // block for free, block in pairs))


def request_bytes(plan: CacheLayout, stage: int = 0) -> int:
    """Bytes that one request of the whole context takes on a rank of `stage`."""
    return plan.stage_block_bytes[stage] * plan.request_blocks


def longest(available: Sequence[int], laid_out: Callable[[int], CacheLayout], limit: int) -> int:
    """The longest request up to `limit` tokens that the cache holds, 0 for none; found by halving.

    Args:
        available: bytes for the cache on a rank of each pipeline stage.
        laid_out: the layout for a context.
    """

    def fits(context: int) -> bool:
        plan = laid_out(context)
        return all(request_bytes(plan, stage) <= free for stage, free in enumerate(available))

    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low


def _one_group(of: Sequence[CacheKind], stages: Sequence[range], context: int, paging: Paging) -> CacheLayout:
    """One group even where pages differ (MLA and its indexer): each layer has its own."""
    size = paging.block_size
    layers = tuple(sorted({n for kind in of for n in kind.layers}))
    pools = tuple(
        size * sum(kind.token_bytes * sum(n in stage for n in kind.layers) for kind in of) for stage in stages
    )
    return CacheLayout((CacheGroup(layers, size, _request_blocks(of[0], size, context, paging)),), pools)


def _equal_pages(of: Sequence[CacheKind], block_size: int) -> tuple[int, list[tuple[CacheKind, int]]]:
    """The common page, and the kinds with the tokens that one of it holds (0 for a state)."""
    attention = [kind for kind in of if not kind.state_bytes]
    state = max((kind.state_bytes for kind in of), default=0)
    if not attention:
        return state, [(kind, 0) for kind in of]
    widest = max(kind.token_bytes for kind in attention)
    if state:
        step = MLA_ALIGNMENT if any(kind.latent for kind in attention) else block_size
        block_size = max(block_size, step * ceil(state / (step * widest)))
    page = block_size * widest
    for kind in attention:
        if page % (block_size * kind.token_bytes):
            raise UnsupportedModelError(
                "The page size of the layer is not divisible by the maximum page size. Cannot unify by adjusting "
                "block_size."
            )
    return page, [(kind, page // kind.token_bytes if kind.token_bytes else 0) for kind in of]


def _group_width(counts: Sequence[int]) -> int:
    """Layers of one group."""
    return max(counts) if max(counts) < UNCUT * min(counts) else min(counts)


def _request_blocks(kind: CacheKind, block_size: int, context: int, paging: Paging) -> int:
    if kind.state_bytes:
        return paging.states
    if kind.crossed:
        # As long as a step may be, however long what it hears is (``CrossAttentionSpec.max_memory_usage_bytes``).
        return ceil(paging.step / block_size)
    if kind.window is None:
        return ceil(context / block_size)
    # A window may begin inside a block, and new tokens are written before old ones are freed.
    return ceil(min(kind.window - 1 + paging.step, context) / block_size) + 1
