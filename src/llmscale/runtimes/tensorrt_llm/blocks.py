"""The KV cache of TensorRT-LLM's PyTorch backend: the bytes of a token, and the blocks that an amount of memory makes.

Read in TensorRT-LLM 1.2.0rc2 (commit b35ac1b), ``tensorrt_llm/_torch/pyexecutor/resource_manager.py``
(`KVCacheManager`):

- every layer keeps K and V of the whole context: ``max_attention_window`` is not set by default, whatever windows the
  model has; of latent attention all ranks keep the whole latent (`CacheType.SELFKONLY`);
- KV heads of a rank are rounded up, and those that ranks cannot share are repeated (`get_cache_bytes_per_token`);
- the number of tokens comes from a count of its own (`get_cache_size_per_token`), which divides heads that it cannot
  divide: where they are repeated, it counts too few bytes a token, and the free memory decides
  (`calculate_max_num_blocks`), in whole blocks, the last rounded up.
"""

from __future__ import annotations

from math import ceil
from typing import TypeGuard

from llmscale.errors import UnsupportedModelError
from llmscale.model.blocks.attention import Attention, LatentAttention
from llmscale.model.spec import Block, ModelSpec
from llmscale.records import NamedTuple
from llmscale.runtimes.parallel.blocks import computed
from llmscale.runtimes.parallel.ranks import part
from llmscale.runtimes.parallel.shards import text_blocks

#: Tokens of a block (``tokens_per_block``; "Number of tokens per block" in logs).
BLOCK = 32


class TokenBytes(NamedTuple):
    """Bytes of a token on one rank: as they lie there, and as they are counted."""

    held: int
    counted: int


def token_bytes(spec: ModelSpec, tensor: int, pipeline: int, bits: int) -> TokenBytes:
    """Of one of `tensor` ranks of a stage, with `bits` an element.

    Raises:
        UnsupportedModelError: layers that keep something else.
    """
    held = counted = 0
    for placed in text_blocks(spec):
        block = computed(placed.block)
        if block.cache() is None and not hasattr(block, "state"):
            continue
        layers = len(placed.layers)
        if isinstance(block, LatentAttention):
            latent = layers * (block.kv_rank + block.rope)
            held, counted = held + latent, counted + latent
        elif _plain(block):
            held += layers * 2 * part(block.kv_heads, tensor) * block.head_dim
            counted += layers * 2 * (block.kv_heads * block.head_dim // tensor)
        else:
            raise UnsupportedModelError(
                f"What TensorRT-LLM keeps of {spec.name} between tokens is not modelled, only K and V or one latent.",
                "Name another --runtime.",
            )
    return TokenBytes(held * bits // 8 // pipeline, counted * bits // 8 // pipeline)


def _plain(block: Block) -> TypeGuard[Attention]:
    """Whether it keeps K and V of heads alike, of what it reads itself."""
    cache = block.cache()
    own = cache is not None and cache.source == "self"
    return isinstance(block, Attention) and own and block.v_head_dim in (None, block.head_dim)


def blocks_in(size: int, free: int, share: float, token: TokenBytes) -> int:
    """Blocks of a cache of `size` bytes, which may not take more than `share` of what is `free` when it is made."""
    if size <= 0 or not token.held:
        return 0
    return ceil(min(size // token.counted, share * free / token.held) / BLOCK)
