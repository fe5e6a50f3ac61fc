"""What a block keeps in SGLang's pools for each token.

Every layer of attention keeps every token, also those with a sliding window and those that borrow another layer's K and
V; windows may have a pool of their own (`llmscale.runtimes.sglang.pools`). Latents and recurrent states are what
`llmscale.runtimes.parallel.blocks` says.
"""

from __future__ import annotations

from functools import singledispatch

from llmscale.errors import UnsupportedModelError
from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.linear_attention import LightningAttention
from llmscale.model.spec import Block
from llmscale.records import NamedTuple
from llmscale.runtimes.parallel.ranks import kv_heads


class TokenCells(NamedTuple):
    """What of one token a layer keeps on one rank: elements of K and V, and the tokens of its window, 0 for all."""

    elements: int
    window: int


@singledispatch
def token_cells(block: Block, tensor: int) -> TokenCells | None:
    """What the block keeps on one of `tensor` ranks; None for what is no attention with heads.

    Raises:
        UnsupportedModelError: what it keeps is not modelled.
    """
    return None


@token_cells.register
def _attention(block: Attention, tensor: int) -> TokenCells | None:
    wide = block.head_dim + (block.v_head_dim or block.head_dim)
    return TokenCells(kv_heads(block.kv_heads, tensor) * wide, block.window or 0) if block.cached else None


@token_cells.register
def _lightning(block: LightningAttention, tensor: int) -> None:
    raise UnsupportedModelError("What SGLang keeps of Lightning attention is not modelled.")
