"""TurboMind's KV cache: the bytes of a block, and how many blocks an amount of memory makes.

Read in LMDeploy 0.16.0 (commit 1263d5c) and 0.9.2, files under ``src/turbomind/``:

- ``kernels/attention/block.h`` (`Layout`): a block holds K and V of 64 tokens of every layer, windows or not; where
  they are quantised, a scale and a zero point of 16 bits each for every head of every token.
- ``models/llama/unified_attention_layer.cc``: KV heads of a rank; those that ranks cannot share are repeated
  (``lmdeploy/turbomind/builders/attention.py``, `repeat_kv_for_tp`).
- ``memory/object.cc``, ``page.h``, ``slab.h`` (from 0.15 on): memory is cut into pages of 32 MiB, these into slabs of a
  power of two of pages, from the smallest that a block fills to 95 % on, 1 GiB at most.
"""

from __future__ import annotations

from math import prod

from llmscale.errors import UnsupportedModelError
from llmscale.model.blocks.attention import Attention
from llmscale.model.spec import ModelSpec
from llmscale.runtimes.parallel.blocks import computed
from llmscale.runtimes.parallel.ranks import kv_heads
from llmscale.runtimes.parallel.shards import text_blocks
from llmscale.units import GIB, MIB

#: Tokens of a block (``cache_block_seq_len``).
BLOCK = 64
#: Bytes of the scale and the zero point of a head of a token.
SCALED = 4
#: ``kPageSize``, ``kMaxSlabSize`` and ``kUtilThresh`` of `MemoryState`.
PAGE, LARGEST, FILLED = 32 * MIB, GIB, 0.95


def block_bytes(spec: ModelSpec, tensor: int, bits: int, plain_bits: int = 16) -> int:
    """Bytes of one block on one of `tensor` ranks, with `bits` an element of K and V.

    Raises:
        UnsupportedModelError: layers that keep something else.
    """
    size = 0
    for placed in text_blocks(spec):
        block = computed(placed.block)
        if block.cache() is None and not hasattr(block, "state"):
            continue
        if not isinstance(block, Attention) or block.v_head_dim not in (None, block.head_dim):
            raise UnsupportedModelError(
                f"What TurboMind keeps of {spec.name} between tokens is not modelled, only K and V of plain heads.",
                "Name another --runtime.",
            )
        head = block.head_dim * bits // 8 + (SCALED if bits < plain_bits else 0)
        size += prod((len(placed.layers), 2, kv_heads(block.kv_heads, tensor), BLOCK, head))
    return size


def slab_bytes(block: int) -> int:
    """Bytes of the slabs that blocks of so many bytes lie in."""
    size = PAGE
    while size < block:
        size *= 2
    while size // block * block < FILLED * size and size < LARGEST:
        size *= 2
    return size


def blocks_in(available: int, block: int, *, slabs: bool) -> int:
    """Blocks that `available` bytes make; of pages, the one that may begin before the first whole one is lost."""
    if not slabs:
        return max(0, available) // block
    slab = slab_bytes(block)
    pages = max(0, available // PAGE - 1)
    return pages // (slab // PAGE) * (slab // block)
