"""What loading a model takes of each rank under SGLang: "Load weight end. ... mem usage".

SGLang's layers split as vLLM's do, which they were made from (``sglang/srt/layers/linear.py``,
``layers/vocab_parallel_embedding.py``, 0.5.23), so the shards are `llmscale.runtimes.vllm.shards`'. Besides them:

- tables of cosines and sines in FP32 (``layers/rotary_embedding/base.py``);
- for MLA the two halves of kv_b once more, as they are multiplied with (``w_kc`` and ``w_vc`` in
  ``models/deepseek_common/deepseek_weight_loader.py``);
- what PyTorch's allocator leaves unused.
"""

from __future__ import annotations

from dataclasses import replace

from llmscale.model.blocks.vision import PatchEmbedding
from llmscale.model.spec import ModelSpec
from llmscale.runtimes.vllm.shards import (
    Parallel,
    PlaneBytes,
    allocator_slack,
    rotary_bytes,
    shards,
    weights_per_rank,
)
from llmscale.units import MIB

#: Bytes of an element of a table of cosines and sines.
ROTARY = 4
#: What a model that sees has for embeddings of images (``SGLANG_VLM_CACHE_SIZE_MB`` in sglang/srt/environ.py).
IMAGE_CACHE = 100 * MIB
#: Families whose vision tower's config.json has another word for its layers, so that SGLang takes its default of them.
UNREAD_LAYERS, DEFAULT_LAYERS = ("qwen",), 24


def loaded_bytes(spec: ModelSpec, sizes: PlaneBytes, tensor: int) -> int:
    """Bytes of one of `tensor` ranks."""
    parallel = Parallel(tensor)
    halves = sum(
        shard.copies * sum(sizes(shard.group, shard.shape))
        for shard in shards(spec, parallel)
        if shard.group.role == "attention.kv_b"
    )
    tables = rotary_bytes(replace(spec, rope_factor=1.0), ROTARY)  # stretched tables are no longer than others
    return weights_per_rank(spec, sizes, parallel) + halves + tables + allocator_slack(spec, sizes, parallel)


def vision(spec: ModelSpec) -> tuple[int, int] | None:
    """(layers, width) of the vision tower as SGLang reads them; None for a model without one."""
    tower = [placed for placed in spec.placed if placed.tower == "vision"]
    patch = next((placed.block for placed in tower if isinstance(placed.block, PatchEmbedding)), None)
    if patch is None:
        return None
    layers = len({layer for placed in tower for layer in placed.layers})
    return (DEFAULT_LAYERS if spec.family.startswith(UNREAD_LAYERS) else layers), patch.width
