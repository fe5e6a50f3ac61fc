"""What loading a model takes of each rank under vLLM: "Model loading took".

Which part of a tensor a rank holds is `llmscale.runtimes.parallel.shards`'. Read in vLLM 0.19.0: Gemma's audio towers,
and its later vision towers, are transformers' own, which every rank holds whole. Besides the weights:

- tables of cosines and sines, four times as long for positions of images (``layers/rotary_embedding/mrope.py``);
- what PyTorch's allocator leaves unused;
- buffers for the outputs of a vision tower that enter later layers (``deepstack_input_embeds`` in models/qwen3_vl.py);
- MLA's FlashInfer backend takes 128 MiB when it is imported, whichever backend is then chosen
  (``vllm/v1/attention/backends/mla/flashinfer_mla.py``);
- where kv_b is quantised its two halves are kept in 16 bits besides (``process_weights_after_loading`` in
  layers/attention/mla_attention.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from math import prod

from llmscale.model.spec import ModelSpec
from llmscale.runtimes.parallel.allocator import allocator_slack
from llmscale.runtimes.parallel.ranks import ALONE, Parallel
from llmscale.runtimes.parallel.rotary import Tables, rotary_bytes
from llmscale.runtimes.parallel.shards import PlaneBytes, Shard, Whole, is_latent, weight_bytes
from llmscale.runtimes.parallel.shards import shards as cut
from llmscale.units import MIB

#: Families whose official checkpoints are read in Mistral's own format, whose vision tower every rank holds whole
#: (``models/pixtral.py``; tests/truth/vllm.json has Mistral Small 3.1 on four ranks), and families whose token
#: embedding is PyTorch's own (models/whisper.py; tests/truth/vllm_more.json has four ranks of it).
WHOLE = Whole(towers=frozenset({"mistral3", "pixtral"}), embeddings=frozenset({"whisper"}))
TABLES = Tables(multimodal=4)
#: ``FLASHINFER_MLA_WORKSPACE_BUFFER_SIZE``.
MLA_WORKSPACE = 128 * MIB
#: What the projectors are called whose outputs enter later layers; each has a buffer for a whole step.
DEEPSTACK = "deepstack"


def shards(spec: ModelSpec, parallel: Parallel = ALONE, stage: int = 0) -> Iterator[Shard]:
    """What a rank of pipeline stage `stage` holds, group by group; the first ranks of it, where they differ."""
    return cut(spec, WHOLE, parallel, stage)


def weights_per_rank(spec: ModelSpec, planes: PlaneBytes, parallel: Parallel = ALONE, stage: int | None = None) -> int:
    """Bytes of weights on a rank of pipeline stage `stage`; of the stage with most of them when None."""
    stages = range(parallel.pipeline) if stage is None else (stage,)
    return max(weight_bytes(shards(spec, parallel, each), planes) for each in stages)


def resident_bytes(
    spec: ModelSpec,
    planes: PlaneBytes,
    parallel: Parallel = ALONE,
    stage: int = 0,
    element_bytes: int = 2,
    *,
    tokens: int = 0,
) -> int:
    """What loading the model leaves on the rank besides its weights.

    Args:
        tokens: of a step, ``--max-num-batched-tokens``.
    """
    held = tuple(shards(spec, parallel, stage))
    total = left_loaded(spec, element_bytes) + allocator_slack(held, planes)
    if stage == 0:
        total += deepstack(spec) * tokens * spec.hidden_size * element_bytes
    for shard in held:
        plain = prod(shard.shape) * element_bytes
        if shard.group.role == "attention.kv_b" and sum(planes(shard.group, shard.shape)) < plain:
            total += shard.copies * plain
    return total


def left_loaded(spec: ModelSpec, element_bytes: int) -> int:
    """Of that, what is the same in every format, stage and step."""
    return rotary_bytes(spec, element_bytes, TABLES) + (MLA_WORKSPACE if is_latent(spec) else 0)


@lru_cache(maxsize=1024)
def loaded_bytes(
    spec: ModelSpec, planes: PlaneBytes, parallel: Parallel, stage: int, element_bytes: int, tokens: int
) -> int:
    """Both together: what the search for a context asks again and again, and no context changes."""
    weights = weights_per_rank(spec, planes, parallel, stage)
    return weights + resident_bytes(spec, planes, parallel, stage, element_bytes, tokens=tokens)


def deepstack(spec: ModelSpec) -> int:
    """Into how many later layers the vision tower's outputs enter."""
    return max((len(placed.layers) for placed in spec.placed if DEEPSTACK in placed.prefix), default=0)
