"""What a block means to a server that shares it among ranks: how it is cut, and what it keeps between tokens.

Each question is a function with one entry for each block that answers it otherwise than its default does. A block that
borrows another's weights computes and keeps what that one does (`computed`). Read in vLLM 0.19.0, files are under
``vllm/``; the layers of SGLang 0.5.23 were made from them:

- ``model_executor/layers/linear.py``: query heads are split, each rank has at least one KV head.
- ``model_executor/layers/mamba/mamba_mixer.py``, ``mamba_mixer2.py``, ``models/qwen3_next.py``, ``layers/kda.py``:
  channels and heads are split, Mamba-2's groups too where they divide and one a rank where they do not; KDA's factors
  from hidden to one head's width are replicated.
- ``v1/kv_cache_interface.py``: K and V of the rank's KV heads, or the whole latent on every rank.
- ``models/deepseek_v4/attention.py``, ``compressor.py`` (0.22): the first projections and the compressors are
  replicated, the output's groups dealt out.
- ``model_executor/layers/mamba/mamba_utils.py``: a convolution keeps one input fewer than its kernel is wide, in 16
  bits; KDA's state is always FP32.
"""

from __future__ import annotations

from functools import singledispatch
from math import ceil

from llmscale.errors import UnsupportedModelError
from llmscale.model.blocks.attention import Attention, AttentionMixture, Indexer, LatentAttention
from llmscale.model.blocks.compressed import SharedKeyAttention
from llmscale.model.blocks.linear_attention import GatedDeltaNet, KimiDeltaAttention, LightningAttention
from llmscale.model.blocks.mlp import PackedExperts, StackedExperts
from llmscale.model.blocks.recurrent import Mamba, Mamba2, ShortConvolution
from llmscale.model.blocks.tied import Tied
from llmscale.model.inventory import TensorGroup
from llmscale.model.spec import Block
from llmscale.records import NamedTuple
from llmscale.runtimes.parallel.ranks import kv_heads, part, state_groups
from llmscale.runtimes.parallel.split import OUTPUTS, SIDES, divided, split

#: Bytes of an element of what a convolution keeps and of Lightning's state, and of KDA's.
HALF, FP32 = 2, 4
#: One token of sparse MLA in FP8: 512 of latent, 16 of scales, 128 of rotary key in 16 bits (flashmla_sparse.py).
FP8_SPARSE_MLA = 656
#: The indexer's keys are FP8 with an FP32 scale for every 128 (``models/deepseek_v2.py``).
INDEXER_SCALED = 128
#: How KDA's factors from hidden to one head's width are called.
LOW_RANK = ("f_a_proj.weight", "g_a_proj.weight")


def computed(block: Block) -> Block:
    """The block itself, or the one whose weights it borrows."""
    return block.block if isinstance(block, Tied) else block


# How it is cut


@singledispatch
def share(block: Block, group: TensorGroup, ranks: int) -> tuple[int, ...]:
    """Shape of one rank's part of one tensor of `group`, which is the block's."""
    return split(group, ranks, turned=bool(getattr(block, "transposed", False)))


@share.register
def _attention_share(block: Attention, group: TensorGroup, ranks: int) -> tuple[int, ...]:
    """Rows of the projections into heads: a share of the query heads, KV heads at least one."""
    query, groups = part(block.heads, ranks) * block.head_dim, kv_heads(block.kv_heads, ranks)
    key, value = groups * block.head_dim, groups * (block.v_head_dim or block.head_dim)
    rows = {
        "attention.q": 2 * query if block.query_gate else query,
        "attention.k": key,
        "attention.v": value,
        "attention.qkv": query + key + value,
    }.get(group.role)
    if rows is None:
        return split(group, ranks, turned=block.transposed)
    if len(group.shape) == 1:
        return (rows,)
    return (group.shape[0], rows) if block.transposed else (rows, group.shape[1])


@share.register
def _shared_key_share(block: SharedKeyAttention, group: TensorGroup, ranks: int) -> tuple[int, ...]:
    """The one head that is key and value is every rank's; of the output's groups each has a share."""
    if group.role == "attention.kv":
        return group.shape
    return divided(group.shape, 0, ranks) if group.role == "attention.o_a" else split(group, ranks)


@share.register
def _mamba2_share(block: Mamba2, group: TensorGroup, ranks: int) -> tuple[int, ...]:
    heads = block.heads // ranks
    convolved = _mamba2_convolved(block, ranks)
    rows = {
        "recurrent.in": heads * block.head_dim + convolved + heads,
        "recurrent.conv": convolved,
        "recurrent.dt": heads,
        "recurrent.a": heads,
        "recurrent.d": heads,
        "norm": heads * block.head_dim,
    }.get(group.role)
    return split(group, ranks) if rows is None else (rows, *group.shape[1:])


@share.register
def _delta_share(block: KimiDeltaAttention, group: TensorGroup, ranks: int) -> tuple[int, ...]:
    if group.name.endswith(LOW_RANK):
        return group.shape
    if group.role != "recurrent.a":
        return split(group, ranks)
    # Kept as (1, 1, heads, 1), or without the ones: the heads are dealt out.
    return divided(group.shape, next(axis for axis, size in enumerate(group.shape) if size > 1), ranks)


@share.register
def _stacked_share(block: StackedExperts, group: TensorGroup, ranks: int) -> tuple[int, ...]:
    return split(group, ranks, turned=True)


@share.register
def _packed_share(block: PackedExperts, group: TensorGroup, ranks: int) -> tuple[int, ...]:
    """Llama 4 stores (in, out), the others (out, in); what is split is the side that is not the hidden size."""
    outputs = SIDES.get(group.role) == OUTPUTS
    return split(group, ranks, turned=group.experts > 1 and (group.shape[0] == block.hidden) == outputs)


class Heads(NamedTuple):
    """Heads of an attention: those that query, and those that K and V have; 0 where it has none of its own."""

    query: int
    kv: int


@singledispatch
def heads(block: Block) -> Heads:
    """The heads that ranks must be able to divide."""
    return Heads(0, 0)


@heads.register
def _attention_heads(block: Attention) -> Heads:
    return Heads(block.heads, block.kv_heads)


@heads.register
def _shared_key_heads(block: SharedKeyAttention) -> Heads:
    return Heads(block.heads, 0)


@heads.register
def _latent_heads(block: LatentAttention) -> Heads:
    return Heads(block.heads, 0)


# What it keeps


class CacheKind(NamedTuple):
    """Layers that cache alike.

    Attributes:
        layers: their numbers.
        token_bytes: bytes of one token on one rank; 0 for a recurrent state.
        state_bytes: bytes of one sequence's state on one rank; 0 for attention.
        window: tokens of the sliding window; None for all.
        latent: whether it is MLA's.
        crossed: whether it is of what an encoder heard.
    """

    layers: tuple[int, ...]
    token_bytes: int
    state_bytes: int = 0
    window: int | None = None
    latent: bool = False
    crossed: bool = False


class Keeping(NamedTuple):
    """What decides the bytes that a block keeps.

    Attributes:
        tensor: ranks that share its heads.
        kv_bytes, state_bytes: of an element of K and V, and of a recurrent state.
        sparse: whether the model has an indexer, which chooses the tokens that MLA attends to.
        speculated: tokens whose inputs a recurrent layer's convolution keeps besides.
    """

    tensor: int = 1
    kv_bytes: int = 2
    state_bytes: int = 2
    sparse: bool = False
    speculated: int = 0


@singledispatch
def kept(block: Block, how: Keeping) -> CacheKind | None:
    """What the block keeps between tokens on one rank; None for one that keeps nothing.

    Raises:
        UnsupportedModelError: what it keeps is not modelled.
    """
    if block.cache() is None and not hasattr(block, "state"):
        return None
    raise UnsupportedModelError(f"What {type(block).__name__} keeps between tokens is not modelled.")


@kept.register
def _attention_kept(block: Attention, how: Keeping) -> CacheKind | None:
    cache = block.cache()
    if cache is None:
        return None
    wide = kv_heads(block.kv_heads, how.tensor) * (block.head_dim + (block.v_head_dim or block.head_dim))
    return CacheKind((), wide * how.kv_bytes, window=block.window, crossed=cache.source != "self")


@kept.register
def _latent_kept(block: LatentAttention, how: Keeping) -> CacheKind:
    packed = how.sparse and how.kv_bytes == 1
    size = FP8_SPARSE_MLA if packed else (block.kv_rank + block.rope) * how.kv_bytes
    return CacheKind((), size, latent=True)


@kept.register
def _indexer_kept(block: Indexer, how: Keeping) -> CacheKind:
    return CacheKind((), block.head_dim + FP32 * ceil(block.head_dim / INDEXER_SCALED), latent=True)


@kept.register
def _mixture_kept(block: AttentionMixture, how: Keeping) -> CacheKind:
    return CacheKind((), 2 * kv_heads(block.heads, how.tensor) * block.head_dim * how.kv_bytes)


@kept.register
def _mamba_kept(block: Mamba, how: Keeping) -> CacheKind:
    inner = block.inner // how.tensor
    return _state(inner * (block.conv - 1), inner * block.state_size * how.state_bytes)


@kept.register
def _mamba2_kept(block: Mamba2, how: Keeping) -> CacheKind:
    state = block.heads // how.tensor * block.head_dim * block.state_size
    return _state(_mamba2_convolved(block, how.tensor) * (block.conv - 1 + how.speculated), state * how.state_bytes)


@kept.register
def _gated_delta_kept(block: GatedDeltaNet, how: Keeping) -> CacheKind:
    convolved = (2 * block.key_heads * block.key_dim + block.value_heads * block.value_dim) // how.tensor
    state = block.value_heads // how.tensor * block.value_dim * block.key_dim
    return _state(convolved * (block.conv - 1 + how.speculated), state * how.state_bytes)


@kept.register
def _delta_kept(block: KimiDeltaAttention, how: Keeping) -> CacheKind:
    inner = block.heads // how.tensor * block.head_dim
    return _state(3 * inner * (block.conv - 1 + how.speculated), inner * block.head_dim * FP32)


@kept.register
def _lightning_kept(block: LightningAttention, how: Keeping) -> CacheKind:
    return _state(0, block.heads // how.tensor * block.head_dim**2 * HALF)


@kept.register
def _convolution_kept(block: ShortConvolution, how: Keeping) -> CacheKind:
    return _state(block.hidden // how.tensor * (block.conv - 1), 0)


def _state(convolved: int, state_bytes: int) -> CacheKind:
    return CacheKind((), 0, convolved * HALF + state_bytes)


def _mamba2_convolved(block: Mamba2, ranks: int) -> int:
    """Channels that are convolved on one rank: its heads', and its groups' B and C."""
    return block.heads // ranks * block.head_dim + 2 * state_groups(block.groups, ranks) * block.state_size
