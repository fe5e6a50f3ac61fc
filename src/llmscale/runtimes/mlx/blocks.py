"""What a building block means to MLX: which parts of the graph it is.

Attention and Mamba-2 are built as they are. Any other block is read by its tensors: those with a matrix down are
feed-forward, others mix tokens by their matrices.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import singledispatch
from math import prod

from llmscale.model.blocks.attention import Attention, LatentAttention
from llmscale.model.blocks.recurrent import Mamba2
from llmscale.model.blocks.tied import Tied
from llmscale.model.spec import Block, Tensor
from llmscale.runtimes.mlx.parts import Attend, Feed, Latent, Layer, Recur


@singledispatch
def parts_of(block: Block, hidden: int, rotates: bool) -> Layer:
    """What the block adds to its layer.

    Args:
        hidden: width of the residual stream.
        rotates: whether the cache of a window is one that rotates.
    """
    tensors = list(block.tensors())
    if feeds := tuple(_feeds(tensors, hidden)):
        return Layer(feeds=feeds)
    matrices = _matrices(tensors)
    return Layer((Recur(matrices),)) if matrices else Layer()


@parts_of.register(Tied)
def _(block: Tied, hidden: int, rotates: bool) -> Layer:
    return parts_of(block.block, hidden, rotates)


@parts_of.register(Attention)
def _(block: Attention, hidden: int, rotates: bool) -> Layer:
    value_dim = block.v_head_dim or block.head_dim
    own = block.kv_heads if block.owns_kv else 0
    attend = Attend(
        heads=block.heads,
        head_dim=block.head_dim,
        value_dim=value_dim,
        queries=block.heads * block.head_dim,
        keys=own * block.head_dim,
        values=own * value_dim,
        window=block.window if rotates else None,
        normed=block.qk_norm is not None,
        gated=block.query_gate,
        cached=block.cached and block.source == "self",
    )
    return Layer((attend,))


@parts_of.register(LatentAttention)
def _(block: LatentAttention, hidden: int, rotates: bool) -> Layer:
    return Layer((Latent(block.heads, block.q_rank, block.kv_rank, block.nope, block.rope, block.v_head),))


@parts_of.register(Mamba2)
def _(block: Mamba2, hidden: int, rotates: bool) -> Layer:
    return Layer((Recur(_matrices(list(block.tensors())), block.heads),))


def _feeds(tensors: list[Tensor], hidden: int) -> Iterator[Feed]:
    parts = {tensor.role for tensor in tensors}
    for tensor in tensors:
        component, _, part = tensor.role.partition(".")
        if part == "down" and len(tensor.shape) >= 2:
            gated = bool({f"{component}.gate", f"{component}.gate_up"} & parts)
            yield Feed(prod(tensor.shape) // hidden, gated, tensor.experts, tensor.experts_used)


def _matrices(tensors: list[Tensor]) -> tuple[tuple[int, int], ...]:
    """(outputs, inputs) of each, experts' left out."""
    shapes = [(tensor.shape, tensor.transposed) for tensor in tensors if len(tensor.shape) == 2 and tensor.experts == 1]
    return tuple((columns, rows) if transposed else (rows, columns) for (rows, columns), transposed in shapes)
