"""How vLLM pages DeepSeek V4's cache: what layers compress, their windows, and what they have not compressed yet.

Read in vLLM, between 0.20 and 0.22: ``models/deepseek_v4/compressor.py`` and ``attention.py``, and in
``v1/core/kv_cache_utils.py`` ``group_and_unify_kv_cache_specs``, ``_get_kv_cache_groups_uniform_groups`` and
``_max_memory_usage_bytes_from_groups``.

- Rows are FlashMLA's, in FP8 whatever the model is computed in: 448 values and 7 scales of a byte, a byte of padding,
  64 rotary values in 16 bits. An indexer's key is FP8 with one FP32 scale. Pages are padded to 576 bytes.
- One block table holds what is compressed, 256 tokens a block. Each layer's window is of another kind, 64 tokens a
  block, and so are inputs that wait to be compressed: FP32 of keys and of gates, 4 or 8 tokens a block, of a window of
  the rate (twice it where entries overlap) and one step.
- Groups are cut so that they have about as many layers as the compressed ones, and take blocks of one pool: each block
  is a page of every size for as many layers as the largest group has. So a request takes gigabytes before its first
  token, with the tokens of a step.

``tests/truth/vllm.json`` has two figures of a start of 0.22 to the digit printed. A log of 0.26 with the checkpoint of
July 2026 shows about 0.6 of the tokens, which is not explained.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from llmscale.errors import UnsupportedModelError
from llmscale.model.blocks.compressed import CompressedIndexer, Compressor, SharedKeyAttention
from llmscale.model.spec import ModelSpec
from llmscale.records import NamedTuple
from llmscale.runtimes.parallel.blocks import CacheKind
from llmscale.runtimes.parallel.paging import CacheGroup, CacheLayout
from llmscale.runtimes.parallel.ranks import Parallel
from llmscale.runtimes.parallel.shards import text_blocks

#: Bytes of a row by its values, and of an indexer's key.
ROWS, KEY_SCALE = {512: 584}, 4
ALIGNMENT = 576
#: Tokens of a block of what is compressed, of a window, and of what waits for it, by its rate: FP32 of 4 or 8 tokens
#: takes less than a page of 64 rows, and is padded to one.
BLOCK, WINDOW_BLOCK = 256, 64
WAITING_BLOCKS = {4: 4, 128: 8}


class Paged(NamedTuple):
    """Layers that share block tables.

    Attributes:
        layers: their numbers.
        deep: the most of them that have pages of one size.
        block: tokens of a block.
        window: tokens that are kept; 0 for all.
        page: bytes of a page of each size.
    """

    layers: tuple[int, ...]
    deep: int
    block: int
    window: int
    page: int


def is_compressed(spec: ModelSpec) -> bool:
    """Whether a model's attention is DeepSeek V4's."""
    return any(isinstance(placed.block, SharedKeyAttention) for placed in spec.placed)


def kinds(spec: ModelSpec) -> list[CacheKind]:
    """What the layers cache, with the bytes of one of its tokens in a layer of every size.

    Raises:
        UnsupportedModelError: heads whose rows were not read.
    """
    return [
        CacheKind(one.layers, ceil(one.page / one.block), window=one.window or None, latent=True)
        for one in _paged(spec)
    ]


def layout(spec: ModelSpec, context: int, step: int, parallel: Parallel) -> CacheLayout:
    """Groups and block sizes for requests of `context` tokens, `step` of them at once.

    Raises:
        UnsupportedModelError: pipeline stages, whose groups were not read.
    """
    if parallel.pipeline > 1:
        raise UnsupportedModelError(f"How pipeline stages share the cache of {spec.name} is not modelled.")
    whole, *windows = _paged(spec)
    width = _width([whole.deep, *(one.deep for one in windows)])
    groups = [CacheGroup(whole.layers, whole.block, ceil(context / whole.block))]
    deepest = whole.deep
    for one in windows:
        # A window may begin inside a block, and new tokens are written before old ones are freed.
        asked = ceil(min(one.window - 1 + step, context) / one.block) + 1
        count = ceil(one.deep / width)
        groups += [CacheGroup(one.layers[first::count], one.block, asked) for first in range(count)]
        deepest = max(deepest, ceil(one.deep / count))
    return CacheLayout(tuple(groups), (deepest * whole.page,))


def _paged(spec: ModelSpec) -> list[Paged]:
    """What is compressed, then windows and what waits for it."""
    attention: list[int] = []
    rates: dict[int, list[int]] = {}
    row, window, key, series = 0, 0, 0, {}
    for placed in text_blocks(spec):
        match placed.block:
            case SharedKeyAttention() as block:
                attention += placed.layers
                row, window = _row(spec, block.head_dim), block.window
            case Compressor() as block:
                rates.setdefault(block.rate, []).extend(placed.layers)
                series[block.rate] = block.series
            case CompressedIndexer() as block:
                key = block.head_dim + KEY_SCALE
    keyed = {rate for rate in rates if series[rate] > 1}
    pages = [_aligned(BLOCK // rate * row) for rate in rates] + [_aligned(BLOCK // rate * key) for rate in keyed]
    compressed = tuple(sorted(layer for layers in rates.values() for layer in layers))
    found = [Paged(compressed, max(map(len, rates.values())), BLOCK, 0, sum(set(pages)))]
    found.append(Paged(tuple(sorted(attention)), len(attention), WINDOW_BLOCK, window, _aligned(WINDOW_BLOCK * row)))
    for rate, layers in rates.items():
        waiting = WAITING_BLOCKS.get(rate)
        if waiting is None:
            raise UnsupportedModelError(f"Compression of {rate} tokens into one is not modelled.")
        page = max(pages) + (_aligned(BLOCK // rate * key) if rate in keyed else 0)
        found.append(Paged(tuple(sorted(layers)), len(layers), waiting, series[rate] * rate, page))
    return found


def _row(spec: ModelSpec, width: int) -> int:
    row = ROWS.get(width)
    if row is None:
        raise UnsupportedModelError(f"vLLM's rows for heads of {width} elements, as {spec.name} has, are not modelled.")
    return row


def _aligned(size: int) -> int:
    return ceil(size / ALIGNMENT) * ALIGNMENT


def _width(depths: Sequence[int]) -> int:
    """Layers of one group: what pads all of them least, the larger where two do (``_approximate_gcd``)."""

    def padding(width: int) -> int:
        return sum(-depth % width for depth in depths)

    return min(range(depths[0], max(depths) + 1), key=lambda width: (padding(width), -width))
