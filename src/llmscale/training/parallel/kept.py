"""Bytes a token that a block keeps for backward under an engine with fused kernels, before it is cut over devices.

Source: Korthikanti et al. 2022 (arXiv:2205.05198, section 4.1), whose 34 bytes a token and hidden element of a GPT
layer are these lines with its two dropout masks; of gated, latent and routed blocks the same rule: the input of each
product once, both factors of a gate, nothing of a norm but its input, Q, K, V, output and a log-sum-exp of attention.
All of it is divided by TP with sequence parallelism (its section 4.2).
"""

from __future__ import annotations

from functools import singledispatch

from llmscale.errors import UnsupportedModelError
from llmscale.model.blocks.attention import Attention, LatentAttention
from llmscale.model.blocks.embedding import Embedding, Head
from llmscale.model.blocks.linear import Linear, Parameter
from llmscale.model.blocks.mlp import GatedMlp, MergedExperts, MixtureOfExperts, Mlp, StackedExperts
from llmscale.model.blocks.norm import Norm
from llmscale.model.spec import Block

HALF, FP32 = 2, 4


@singledispatch
def kept(block: Block) -> int:
    """Bytes a token.

    Raises:
        UnsupportedModelError: a block that nobody divided over devices here.
    """
    raise UnsupportedModelError(
        f"What a {type(block).__name__} keeps on several devices is not modelled.",
        "Name a single card: --gpu h100, or a transformer without it.",
    )


@kept.register(Embedding)
@kept.register(Head)
@kept.register(Linear)
@kept.register(Parameter)
def _(block: Block) -> int:
    return 0


@kept.register(Norm)
def _(block: Norm) -> int:
    return HALF * block.size


@kept.register(Attention)
def _(block: Attention) -> int:
    q, k = block.heads * block.head_dim, block.kv_heads * block.head_dim
    v, out = (heads * (block.v_head_dim or block.head_dim) for heads in (block.kv_heads, block.heads))
    norms = q + k if block.qk_norm else 0
    return HALF * (block.hidden + q + k + v + out + norms) + FP32 * block.heads


@kept.register(LatentAttention)
def _(block: LatentAttention) -> int:
    query = block.heads * (block.nope + block.rope)
    low = 2 * (block.q_rank or 0) + 2 * block.kv_rank + block.rope
    values = block.heads * block.v_head
    return HALF * (block.hidden + low + 2 * query + 2 * values + block.heads * block.nope) + FP32 * block.heads


@kept.register(GatedMlp)
def _(block: GatedMlp) -> int:
    return HALF * (block.hidden + 3 * block.intermediate)


@kept.register(Mlp)
def _(block: Mlp) -> int:
    return HALF * (block.hidden + 2 * block.intermediate)


@kept.register(MixtureOfExperts)
def _(block: MixtureOfExperts) -> int:
    wide = 3 if block.gated else 2
    shared = HALF * (block.hidden + wide * block.shared) if block.shared else 0
    return _routed(block.hidden, wide * block.intermediate, block.experts, block.used) + shared


@kept.register(StackedExperts)
def _(block: StackedExperts) -> int:
    return _routed(block.hidden, 3 * block.intermediate, block.experts, block.used)


@kept.register(MergedExperts)
def _(block: MergedExperts) -> int:
    return _routed(block.hidden, 3 * block.intermediate, block.experts, block.used)


def _routed(hidden: int, inner: int, experts: int, used: int) -> int:
    """The router's input and shares, and of each expert that is used its input, its products and its output."""
    return HALF * hidden + FP32 * experts + used * HALF * (2 * hidden + inner)
