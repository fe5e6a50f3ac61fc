"""From bytes for the KV cache to blocks, tokens and requests.

Read in vLLM 0.19.0: page sizes in ``vllm/v1/kv_cache_interface.py``, groups and blocks in
``vllm/v1/core/kv_cache_utils.py`` (``get_kv_cache_groups``, ``_get_kv_cache_groups_uniform_page_size``,
``get_kv_cache_config_from_groups``), block sizes of hybrid models in ``vllm/model_executor/models/config.py``
(``HybridAttentionMambaModelConfig``), state shapes and formats in ``vllm/model_executor/layers/mamba/mamba_utils.py``.

- A page is one layer's share of a block of 16 tokens: K and V of the rank's KV heads; for MLA one latent, which every
  rank holds whole.
- Layers that are alike form one group. Where there are several kinds (windows, recurrent states), each kind is cut
  into groups of as many layers as the smallest kind has (as the largest has, where that is less than half more), and
  all groups draw blocks from one pool, so a group that has a layer less still takes the whole block.
- Pages of different size are made equal by longer blocks for the smaller; that of a recurrent state by attention
  blocks so long that it fits, and padding.
- Pipeline stages share the groups; each has its own layers of them, and the stage with the fewest blocks decides.

0.33.0 (``kv_cache_planning.py``) packs kinds of different page size otherwise; that is not modelled.
"""

from __future__ import annotations

from math import ceil
from typing import NamedTuple

from llmscale.errors import UnsupportedModelError
from llmscale.model.blocks.attention import Attention, AttentionMixture, Indexer, LatentAttention
from llmscale.model.blocks.linear_attention import GatedDeltaNet, KimiDeltaAttention, LightningAttention
from llmscale.model.blocks.recurrent import Mamba, Mamba2, ShortConvolution
from llmscale.model.spec import Block, ModelSpec
from llmscale.runtimes.vllm.releases import Batch, Release
from llmscale.runtimes.vllm.shards import ALONE, Parallel, computed, kv_heads, mamba2_groups, stage_layers

#: ``CacheConfig.DEFAULT_BLOCK_SIZE``; some attention backends ask for more.
BLOCK = 16
#: Hybrid models with MLA align blocks to its kernels' blocks.
MLA_ALIGNMENT = 64
#: One token of sparse MLA in FP8: 512 of latent, 16 of scales, 128 of rotary key in 16 bits (flashmla_sparse.py).
FP8_SPARSE_MLA = 656
#: The indexer's keys are FP8 with an FP32 scale for every 128 (``models/deepseek_v2.py``).
INDEXER_SCALED = 128
#: State blocks of a request: one, or two where prefixes are cached (``MambaSpec.max_memory_usage_bytes``).
STATES, STATES_WITH_PREFIXES = 1, 2
#: Families whose attention to an encoder vLLM has (``vllm/model_executor/models/registry.py``).
CROSSED = ("whisper",)
#: Families whose local layers are chunked; vLLM then turns the hybrid manager off (``vllm/config/vllm.py``).
CHUNKED = "llama4"


class Kind(NamedTuple):
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


class Group(NamedTuple):
    """Layers that share a block table.

    Attributes:
        request_blocks: blocks that a request of the whole context takes of it.
    """

    layers: tuple[int, ...]
    block_size: int
    request_blocks: int


class Layout(NamedTuple):
    """How a model's cache is laid out.

    Attributes:
        stage_block_bytes: bytes of one block on a rank of each pipeline stage.
    """

    groups: tuple[Group, ...]
    stage_block_bytes: tuple[int, ...]


class Capacity(NamedTuple):
    """What vLLM reports at start-up.

    Attributes:
        tokens: "GPU KV cache size"; None where nothing grows with the context.
        concurrency: "Maximum concurrency" for requests of the whole context.
    """

    blocks: int
    tokens: int | None
    concurrency: float


def kinds(spec: ModelSpec, parallel: Parallel = ALONE, *, kv_bytes: int = 2, state_bytes: int = 2) -> list[Kind]:
    """What the layers of a model cache on one rank.

    Args:
        kv_bytes: of an element of K and V: 2, or 1 with ``--kv-cache-dtype fp8``.
        state_bytes: of an element of a recurrent state with ``--mamba-ssm-cache-dtype auto``: the model's own, 2,
            unless its config.json names another (Qwen3.5: ``mamba_ssm_dtype`` float32; `ModelSpec.state_dtype`). KDA's
            is always FP32.

    Raises:
        UnsupportedModelError: a cache that is not modelled.
    """
    merged: dict[Kind, list[int]] = {}
    sparse = any(isinstance(placed.block, Indexer) for placed in spec.placed)
    for placed in spec.placed:
        if placed.tower is not None:
            continue
        kind = _kind(computed(placed.block), spec, parallel, kv_bytes, state_bytes, sparse)
        if kind is not None:
            merged.setdefault(kind, []).extend(placed.layers)
    return [kind._replace(layers=tuple(sorted(layers))) for kind, layers in merged.items()]


def layout(
    spec: ModelSpec,
    of: list[Kind],
    context: int,
    batch: Batch,
    rules: Release,
    parallel: Parallel = ALONE,
    *,
    block_size: int = BLOCK,
    prefix_caching: bool | None = None,
) -> Layout:
    """Groups and block sizes for requests of `context` tokens.

    Args:
        prefix_caching: ``--enable-prefix-caching``; the release's default when None.
    """
    stages = [stage_layers(spec.layers, parallel.pipeline, stage) for stage in range(parallel.pipeline)]
    states = STATES_WITH_PREFIXES if _caches_prefixes(rules, prefix_caching) else STATES
    if not any(kind.state_bytes for kind in of) and len({(kind.window, kind.crossed) for kind in of}) == 1:
        # One group even where pages differ (MLA and its indexer): each layer has its own.
        group = Group(tuple(sorted({n for k in of for n in k.layers})), block_size, 0)
        asked = _request_blocks(of[0], block_size, context, batch, states)
        sizes = tuple(
            sum(block_size * kind.token_bytes * sum(n in stage for n in kind.layers) for kind in of) for stage in stages
        )
        return Layout((group._replace(request_blocks=asked),), sizes)
    page, sized = _equal_pages(of, block_size)
    width = _group_width([len(kind.layers) for kind, _ in sized])
    groups = []
    for kind, size in sized:
        count = ceil(len(kind.layers) / width)
        asked = _request_blocks(kind, size, context, batch, states)
        groups += [Group(kind.layers[first::count], size, asked) for first in range(count)]
    pools = tuple(page * max(sum(n in stage for n in group.layers) for group in groups) for stage in stages)
    return Layout(tuple(groups), pools)


def capacity(available: list[int], plan: Layout, context: int, rules: Release) -> Capacity:
    """Blocks, tokens and requests.

    Args:
        available: bytes for the KV cache on a rank of each pipeline stage.
    """
    pairs = [pair for pair in zip(available, plan.stage_block_bytes, strict=True) if pair[1]]
    blocks = max(0, min(free // block for free, block in pairs))
    concurrency = blocks / sum(group.request_blocks for group in plan.groups)
    if rules.tokens_by_requests:
        return Capacity(blocks, int(concurrency * context), concurrency)
    block_size = min((group.block_size for group in plan.groups if group.block_size), default=0)
    tokens = blocks // len(plan.groups) * block_size if block_size else None
    return Capacity(blocks, tokens, concurrency)


def request_bytes(plan: Layout, stage: int = 0) -> int:
    """Bytes that one request of the whole context takes on a rank of `stage`."""
    return plan.stage_block_bytes[stage] * sum(group.request_blocks for group in plan.groups)


def longest_context(
    available: list[int],
    spec: ModelSpec,
    of: list[Kind],
    limit: int,
    batch: Batch,
    rules: Release,
    parallel: Parallel = ALONE,
    *,
    prefix_caching: bool | None = None,
) -> int:
    """The longest request up to `limit` tokens that the cache holds, 0 for none; found by halving, as vLLM does.

    ``--max-model-len -1`` takes it, and a refused start-up suggests it (``_estimate_max_model_len_from_groups``).
    """

    def fits(context: int) -> bool:
        plan = layout(spec, of, context, batch, rules, parallel, prefix_caching=prefix_caching)
        return all(request_bytes(plan, stage) <= free for stage, free in enumerate(available))

    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low


def _caches_prefixes(rules: Release, asked: bool | None) -> bool:
    return rules.hybrid_prefix_caching if asked is None else asked


def _kind(
    block: Block, spec: ModelSpec, parallel: Parallel, kv_bytes: int, state_bytes: int, sparse: bool
) -> Kind | None:
    cache = block.cache()
    crossed = cache is not None and cache.source != "self"
    if crossed and spec.family not in CROSSED:
        raise UnsupportedModelError(f"vLLM's cache of {spec.family}'s cross-attention is not modelled.")
    if isinstance(block, Attention) and cache is not None:
        heads = kv_heads(block.kv_heads, parallel.tensor)
        wide = heads * (block.head_dim + (block.v_head_dim or block.head_dim))
        window = None if spec.family.startswith(CHUNKED) else block.window
        return Kind((), wide * kv_bytes, window=window, crossed=crossed)
    if isinstance(block, LatentAttention):
        if sparse and kv_bytes == 1:
            return Kind((), FP8_SPARSE_MLA, latent=True)
        return Kind((), (block.kv_rank + block.rope) * kv_bytes, latent=True)
    if isinstance(block, Indexer):
        return Kind((), block.head_dim + 4 * ceil(block.head_dim / INDEXER_SCALED), latent=True)
    if isinstance(block, AttentionMixture):
        return Kind((), 2 * kv_heads(block.heads, parallel.tensor) * block.head_dim * kv_bytes)
    state = _state(block, parallel.tensor, state_bytes)
    if state is not None:
        return Kind((), 0, state)
    if cache is not None or getattr(block, "state", None) is not None:
        raise UnsupportedModelError(f"vLLM's cache of {spec.family} is not modelled.")
    return None


def _state(block: Block, tensor: int, state_bytes: int) -> int | None:
    """Bytes of one sequence's state; the convolution keeps one input fewer than its kernel is wide, in 16 bits."""
    if isinstance(block, Mamba):
        inner = block.inner // tensor
        return inner * (block.conv - 1) * 2 + inner * block.state_size * state_bytes
    if isinstance(block, Mamba2):
        heads, groups = block.heads // tensor, mamba2_groups(block.groups, tensor)
        convolved = heads * block.head_dim + 2 * groups * block.state_size
        return convolved * (block.conv - 1) * 2 + heads * block.head_dim * block.state_size * state_bytes
    if isinstance(block, GatedDeltaNet):
        convolved = (2 * block.key_heads * block.key_dim + block.value_heads * block.value_dim) // tensor
        state = block.value_heads // tensor * block.value_dim * block.key_dim
        return convolved * (block.conv - 1) * 2 + state * state_bytes
    if isinstance(block, KimiDeltaAttention):
        heads = block.heads // tensor
        return 3 * heads * block.head_dim * (block.conv - 1) * 2 + heads * block.head_dim**2 * 4
    if isinstance(block, LightningAttention):
        return block.heads // tensor * block.head_dim**2 * 2
    if isinstance(block, ShortConvolution):
        return block.hidden // tensor * (block.conv - 1) * 2
    return None


def _equal_pages(of: list[Kind], block_size: int) -> tuple[int, list[tuple[Kind, int]]]:
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


def _group_width(counts: list[int]) -> int:
    """Layers of one group; 1.5 is vLLM's own bound."""
    return max(counts) if max(counts) < 1.5 * min(counts) else min(counts)


def _request_blocks(kind: Kind, block_size: int, context: int, batch: Batch, states: int) -> int:
    if kind.state_bytes:
        return states
    if kind.crossed:
        # As long as a step may be, however long what it hears is (``CrossAttentionSpec.max_memory_usage_bytes``).
        return ceil(batch.tokens / block_size)
    if kind.window is None:
        return ceil(context / block_size)
    # A window may begin inside a block, and new tokens are written before old ones are freed.
    return ceil(min(kind.window - 1 + batch.tokens, context) / block_size) + 1
