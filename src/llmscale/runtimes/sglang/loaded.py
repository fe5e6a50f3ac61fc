"""What loading a model takes of each rank under SGLang: "Load weight end. ... mem usage".

SGLang's layers split as vLLM's do, which they were made from (``sglang/srt/layers/linear.py``,
``layers/vocab_parallel_embedding.py``, 0.5.23), so the shards are `llmscale.runtimes.parallel.shards`'. Besides them:

- tables of cosines and sines in FP32 (``layers/rotary_embedding/base.py``);
- for MLA the two halves of kv_b once more, as they are multiplied with (``w_kc`` and ``w_vc`` in
  ``models/deepseek_common/deepseek_weight_loader.py``);
- what PyTorch's allocator leaves unused.
"""

from __future__ import annotations

from llmscale.model.blocks.vision import PatchEmbedding
from llmscale.model.spec import ModelSpec
from llmscale.runtimes.parallel.allocator import allocator_slack
from llmscale.runtimes.parallel.ranks import Parallel
from llmscale.runtimes.parallel.rotary import Tables, rotary_bytes
from llmscale.runtimes.parallel.shards import PlaneBytes, Whole, shards, weight_bytes
from llmscale.units import MIB

#: Bytes of an element of a table of cosines and sines.
ROTARY = 4
#: Neither stretched tables nor those of positions of images are longer than others: `MRotaryEmbedding` there hands
#: ``max_position_embeddings`` on as it is, where vLLM's takes four times as many.
TABLES = Tables(multimodal=1, stretched=False)
#: Families of which every rank holds the tower or the token embedding whole.
WHOLE = Whole(towers=frozenset({"mistral3", "pixtral"}), embeddings=frozenset({"whisper"}))
#: What a model that sees has for embeddings of images (``SGLANG_VLM_CACHE_SIZE_MB`` in sglang/srt/environ.py).
IMAGE_CACHE = 100 * MIB
#: Families whose vision tower's config.json has another word for its layers, so that SGLang takes its default of them.
UNREAD_LAYERS, DEFAULT_LAYERS = ("qwen",), 24


def loaded_bytes(spec: ModelSpec, sizes: PlaneBytes, tensor: int) -> int:
    """Bytes of one of `tensor` ranks."""
    held = tuple(shards(spec, WHOLE, Parallel(tensor)))
    halves = (shard for shard in held if shard.group.role == "attention.kv_b")
    tables = rotary_bytes(spec, ROTARY, TABLES)
    return weight_bytes(held, sizes) + weight_bytes(halves, sizes) + tables + allocator_slack(held, sizes)


def vision(spec: ModelSpec) -> tuple[int, int] | None:
    """(layers, width) of the vision tower as SGLang reads them; None for a model without one."""
    tower = [placed for placed in spec.placed if placed.tower == "vision"]
    patch = next((placed.block for placed in tower if isinstance(placed.block, PatchEmbedding)), None)
    if patch is None:
        return None
    layers = len({layer for placed in tower for layer in placed.layers})
    return (DEFAULT_LAYERS if spec.family.startswith(UNREAD_LAYERS) else layers), patch.width
