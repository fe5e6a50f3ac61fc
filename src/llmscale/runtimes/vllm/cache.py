"""vLLM's own rules of its paged cache, and what it reports of it.

How blocks are paged is `llmscale.runtimes.parallel.paging`'s. Read in vLLM 0.19.0: page sizes in
``vllm/v1/kv_cache_interface.py``, state shapes and formats in ``vllm/model_executor/layers/mamba/mamba_utils.py``,
what is reported in ``vllm/v1/core/kv_cache_utils.py``.

0.33.0 (``kv_cache_planning.py``) packs kinds of different page size otherwise; that is not modelled.
"""

from __future__ import annotations

from collections.abc import Sequence

from llmscale.model.spec import ModelSpec
from llmscale.records import NamedTuple
from llmscale.runtimes.parallel import paging
from llmscale.runtimes.parallel.blocks import CacheKind, Keeping
from llmscale.runtimes.parallel.paging import BLOCK, CacheLayout, Paging
from llmscale.runtimes.parallel.ranks import ALONE, Parallel
from llmscale.runtimes.vllm import compressed
from llmscale.runtimes.vllm.releases import Batch, VllmRules

#: State blocks of a request: one, or two where prefixes are cached (``MambaSpec.max_memory_usage_bytes``).
STATES, STATES_WITH_PREFIXES = 1, 2
#: Families whose attention to an encoder vLLM has (``vllm/model_executor/models/registry.py``).
CROSSED = ("whisper",)
#: Families whose local layers are chunked; vLLM then turns the hybrid manager off (``vllm/config/vllm.py``).
CHUNKED = "llama4"


class CacheCapacity(NamedTuple):
    """What vLLM reports at start-up.

    Attributes:
        tokens: "GPU KV cache size"; None where nothing grows with the context.
        concurrency: "Maximum concurrency" for requests of the whole context.
    """

    blocks: int
    tokens: int | None
    concurrency: float


def kinds(
    spec: ModelSpec, parallel: Parallel = ALONE, *, kv_bytes: int = 2, state_bytes: int = 2, speculated: int = 0
) -> list[CacheKind]:
    """What the layers of a model cache on one rank.

    Args:
        kv_bytes: of an element of K and V: 2, or 1 with ``--kv-cache-dtype fp8``.
        state_bytes: of an element of a recurrent state with ``--mamba-ssm-cache-dtype auto``: the model's own, 2,
            unless its config.json names another (Qwen3.5: ``mamba_ssm_dtype`` float32; `ModelSpec.state_dtype`). KDA's
            is always FP32.
        speculated: tokens that are speculated, whose inputs the convolutions of recurrent layers keep as well.

    Raises:
        UnsupportedModelError: a cache that is not modelled.
    """
    if compressed.is_compressed(spec):
        return compressed.kinds(spec)
    return paging.kinds(spec, Keeping(parallel.tensor, kv_bytes, state_bytes, speculated=speculated), CROSSED, CHUNKED)


def layout(
    spec: ModelSpec,
    of: Sequence[CacheKind],
    context: int,
    batch: Batch,
    rules: VllmRules,
    parallel: Parallel = ALONE,
    *,
    block_size: int = BLOCK,
    prefix_caching: bool | None = None,
    speculated: int = 0,
) -> CacheLayout:
    """Groups and block sizes for requests of `context` tokens.

    Args:
        prefix_caching: ``--enable-prefix-caching``; the release's default when None.
        speculated: tokens that are speculated, for each of which a request has a state more.

    Raises:
        UnsupportedModelError: pages that cannot be made equal.
    """
    if compressed.is_compressed(spec):
        return compressed.layout(spec, context, batch.tokens, parallel)
    prefixes = rules.hybrid_prefix_caching if prefix_caching is None else prefix_caching
    paged = Paging(batch.tokens, (STATES_WITH_PREFIXES if prefixes else STATES) + speculated, block_size)
    return paging.layout(of, spec.layers, context, paged, parallel)


def capacity(available: Sequence[int], plan: CacheLayout, context: int, rules: VllmRules) -> CacheCapacity:
    """Blocks, tokens and requests.

    Args:
        available: bytes for the KV cache on a rank of each pipeline stage.
    """
    blocks = paging.blocks(available, plan)
    concurrency = blocks / plan.request_blocks
    if rules.tokens_by_requests:
        return CacheCapacity(blocks, int(concurrency * context), concurrency)
    block_size = min((group.block_size for group in plan.groups if group.block_size), default=0)
    tokens = blocks // len(plan.groups) * block_size if block_size else None
    return CacheCapacity(blocks, tokens, concurrency)


def longest_context(
    available: Sequence[int],
    spec: ModelSpec,
    of: Sequence[CacheKind],
    limit: int,
    batch: Batch,
    rules: VllmRules,
    parallel: Parallel = ALONE,
    *,
    prefix_caching: bool | None = None,
) -> int:
    """The longest request up to `limit` tokens that the cache holds, 0 for none.

    ``--max-model-len -1`` takes it, and a refused start-up suggests it (``_estimate_max_model_len_from_groups``).
    """

    def laid_out(context: int) -> CacheLayout:
        return layout(spec, of, context, batch, rules, parallel, prefix_caching=prefix_caching)

    return paging.longest(available, laid_out, limit)
