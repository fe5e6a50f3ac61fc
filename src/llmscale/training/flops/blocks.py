"""FLOPs of one block: which of its matrices see how many rows, and what needs a gradient when it gets there.

Blocks that are not listed in `COUNTED` do more than multiply matrices (scans, states, windows that shift): of a model
with one of them nothing is counted rather than too little.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isqrt, prod

from llmscale.model.blocks.attention import Attention, LatentAttention
from llmscale.model.blocks.convolution import Convolution
from llmscale.model.blocks.embedding import Embedding, Head
from llmscale.model.blocks.linear import Linear, Parameter
from llmscale.model.blocks.mlp import (
    GatedMlp,
    MergedExperts,
    MixtureOfExperts,
    Mlp,
    PackedExperts,
    StackedExperts,
)
from llmscale.model.blocks.norm import Norm
from llmscale.model.blocks.tied import Tied
from llmscale.model.blocks.vision import PatchEmbedding
from llmscale.model.spec import Block, Tensor
from llmscale.records import NamedTuple
from llmscale.training.flops.products import Cost, Heads, Training, attention, linear

COUNTED = (
    *(Attention, LatentAttention, Embedding, Head, Linear, Parameter, GatedMlp, MixtureOfExperts),
    *(Mlp, PackedExperts, StackedExperts, MergedExperts, Norm, PatchEmbedding, Convolution),
)
#: Roles that see one row a sequence, not one a token.
ONE_ROW = frozenset({"head.classifier", "other.pooler", "head.next_sentence"})
#: The part of a block whose output is a part's input; others read what comes into the block.
AFTER = {
    "down": ("gate", "up", "gate_up"),
    "o": ("q", "k", "v", "qkv"),
    "q_b": ("q_a",),
    "kv_b": ("kv_a",),
}


class Place(NamedTuple):
    """Where a block stands.

    Attributes:
        batch, tokens: sequences, and tokens of one.
        memory: tokens that cross-attention reads.
        flash: whether attention is one kernel.
        live, memory_live: whether what comes in needs a gradient.
        how: which module takes part how, by the name of its tensor.
        causal: whether a decoder's scores above the diagonal are left out.
    """

    batch: int
    tokens: int
    memory: int
    flash: bool
    live: bool
    memory_live: bool
    how: Callable[[str], Training]
    causal: bool = False


class Counted(NamedTuple):
    """A block's costs, each by the part it is of in the order of the forward pass, and whether what leaves is live."""

    parts: tuple[Cost, ...]
    live: bool

    @property
    def cost(self) -> Cost:
        """All together."""
        return Cost(sum(part.forward for part in self.parts), sum(part.backward for part in self.parts))


def count(block: Block, place: Place) -> Counted:
    """FLOPs of a block of `COUNTED` at a place."""
    if isinstance(block, Tied):
        return count(block.block, place)
    if isinstance(block, PatchEmbedding):
        return _patches(block, place)
    made: dict[str, bool] = {}
    parts: list[Cost] = []
    for tensor in block.tensors():
        part = tensor.role.rpartition(".")[2]
        if part == "o" and _is_matrix(tensor):
            scores, made["o_in"] = _scores(block, place, made)
            parts.append(scores)
        trained = place.how(tensor.name)
        if _is_matrix(tensor):
            live = _input(tensor, block, place, made)
            parts.append(_product(tensor, block, place, trained, live))
            made[part] = made.get(part, False) or live or trained.any
        elif trained.any:
            made[part] = True
    return Counted(tuple(parts), place.live or any(made.values()))


def _is_matrix(tensor: Tensor) -> bool:
    looked_up = tensor.role.startswith("embedding.") and tensor.role != "embedding.projection"
    return len(tensor.shape) == 2 and not looked_up and not tensor.role.endswith("relative_bias")


def _input(tensor: Tensor, block: Block, place: Place, made: Mapping[str, bool]) -> bool:
    part = tensor.role.rpartition(".")[2]
    if part == "o":
        return made["o_in"]
    if any(made.get(before, False) for before in AFTER.get(part, ())):
        return True
    return place.memory_live if _reads_memory(block, part) else place.live


def _reads_memory(block: Block, part: str) -> bool:
    return isinstance(block, Attention) and block.source == "cross" and part in ("k", "v")


def _product(tensor: Tensor, block: Block, place: Place, how: Training, live: bool) -> Cost:
    outputs, inputs = tensor.shape[::-1] if tensor.transposed else tensor.shape
    tokens = place.memory if _reads_memory(block, tensor.role.rpartition(".")[2]) else place.tokens
    rows = place.batch * (1 if tensor.role in ONE_ROW else tokens)
    return linear(rows * tensor.experts_used, inputs, outputs, how, live)


def _scores(block: Block, place: Place, made: Mapping[str, bool]) -> tuple[Cost, bool]:
    if isinstance(block, LatentAttention):
        key = made["kv_a"] or made["kv_b"]
        q, k, v = made["q"] if "q" in made else made["q_b"], key, key
        heads = Heads(
            place.batch, block.heads, block.nope + block.rope, block.v_head, place.tokens, place.tokens, place.causal
        )
    elif isinstance(block, Attention):
        q, k, v = _made(block, made)
        asked = place.memory if block.source == "cross" else place.tokens
        value = block.v_head_dim or block.head_dim
        halved = place.causal and block.cached and block.source == "self"
        heads = Heads(place.batch, block.heads, block.head_dim, value, place.tokens, asked, halved)
    else:
        raise TypeError(block)
    return attention(heads, place.flash, q, k, v), q or k or v


def _made(block: Attention, made: Mapping[str, bool]) -> tuple[bool, bool, bool]:
    """Whether query, key and value need a gradient."""
    if "qkv" in made:
        return made["qkv"], made["qkv"], made["qkv"]
    key = made.get("k", made["q"])  # those of another layer, which was live where this one is
    return made["q"], key, made.get("v", key)


def _patches(block: PatchEmbedding, place: Place) -> Counted:
    """A convolution whose stride is its kernel; pixels need no gradient."""
    patches = isqrt(place.tokens) ** 2
    frames = block.frames or 1
    flops = 2 * place.batch * patches * block.width * block.channels * frames * block.patch**2
    trained = place.how("weight").any
    return Counted((Cost(flops, flops * trained),), trained)


def convolution(block: Convolution, batch: int, positions: int, how: Training, live: bool) -> Counted:
    """A convolution that makes `positions`."""
    flops = 2 * batch * positions * block.out * block.in_ * prod(block.kernel)
    return Counted((Cost(flops, flops * live + flops * how.weight),), live or how.any)
