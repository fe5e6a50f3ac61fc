"""SGLang's ``--mem-fraction-static``: the share of a device that weights and KV cache may take together.

Read in SGLang 0.5.23: the default in ``sglang/srt/arg_groups/memory_hook.py`` (``handle_gpu_memory_settings``,
``reserve_for_graph_mb``, ``adjust_mem_fraction_for_vlm``; earlier releases had it in ``server_args.py``), the list of
prefill graphs in ``arg_groups/cuda_graph_hook.py``, what is left for the cache in
``sglang/srt/mem_cache/kv_cache_configurator.py`` (``_profile_available_bytes``). It holds for one server on CUDA with
the defaults: one pipeline stage, prefill graphs on, no disaggregation, no attention data parallelism, no DeepEP.
Sizing the pool after graphs were captured (``SGLANG_ENABLE_POST_CAPTURE_KV_SIZING``) is off by default and left out.
"""

from __future__ import annotations

from llmscale.records import NamedTuple
from llmscale.runtimes.sglang.releases import release
from llmscale.units import GIB, MIB

#: What SGLang has taken of a device before it loads a model: the CUDA context and its process group. Measured: 0.71 GiB
#: of an H100 and 0.73 GiB of an RTX PRO 6000 with releases of 2026; earlier ones took 0.4 to 0.6 GiB
#: (tests/truth/sglang.json, "Load weight begin").
CONTEXT = int(0.7 * GIB)
#: What NCCL and the collectives of several ranks take besides on devices with NVLink: 1.4 GiB of four H100 and 1.8 GiB
#: of eight H200, by one row each. Four L4 and four cards of 24 GiB without it took nothing that shows.
NVLINK_GROUP = int(1.6 * GIB)
#: Ranks from which the larger decode batch is captured.
MANY_RANKS = 4
#: In MiB: constant, per prefilled token, per rank, per decode batch element, per prefill graph, MLA's prefill graphs.
CONSTANT, TOKEN, RANK, DECODE, PREFILL_GRAPH, MLA_PREFILL = 512, 1.5, 128, 2, 8, 1536
LEAST_CHUNK = 2048
#: Devices above the first of these never reserve less than the second.
LARGE_DEVICE, LARGE_RESERVE = 60 * GIB, 10 * 1024
#: (first, last, step) of the token counts that prefill graphs are captured for, up to 4,096; from there every 512.
GRAPH_SIZES = ((4, 32, 4), (48, 256, 16), (288, 512, 32), (576, 1024, 64), (1280, 4096, 256))
LONG_GRAPHS, LONG_GRAPH_STEP = 4608, 512
#: A vision tower: the factor for ViT-L/14 (24 layers of 1024), what each further one of its size takes, its bounds.
VISION_FACTOR, VISION_STEP, VISION_BOUNDS, VIT_L = 0.95, 0.1, (0.8, 1.05), 24 * 1024**2


class Defaults(NamedTuple):
    """What SGLang chooses: ``--chunked-prefill-size``, ``--cuda-graph-max-bs`` and ``--mem-fraction-static``."""

    chunk: int
    decode_batch: int
    fraction: float


def defaults(
    memory: int,
    *,
    tensor: int = 1,
    mla: bool = False,
    chunk: int | None = None,
    decode_batch: int | None = None,
    vision: tuple[int, int] | None = None,
    requests: int | None = None,
    version: str = "",
) -> Defaults:
    """The settings of a server on devices of `memory` bytes, as ``nvidia-smi`` reports them.

    Args:
        tensor: ``--tp-size``.
        mla: whether the model has multi-head latent attention.
        chunk, decode_batch: as given, None for SGLang's default.
        vision: (layers, width) of the vision tower of a model that sees.
        requests: ``--max-running-requests``, which bounds the decode batch that is captured by default.
        version: the release whose rules hold; empty for the newest that was read.
    """
    rules = release(version)
    tier = next(tier for tier in rules.tiers if memory < tier.below)
    chunk = tier.chunk if chunk is None else chunk
    if decode_batch is None:
        decode_batch = tier.few if tensor < MANY_RANKS else tier.many
        decode_batch = min(decode_batch, requests or decode_batch)
    reserved = CONSTANT + max(chunk, LEAST_CHUNK) * TOKEN + tensor * RANK + decode_batch * DECODE
    if rules.prefill_graphs:
        reserved += MLA_PREFILL if mla else prefill_graphs(chunk) * PREFILL_GRAPH
    if memory > LARGE_DEVICE:
        reserved = max(reserved, LARGE_RESERVE)
    fraction = round(1 - reserved * MIB / memory, 3)
    fraction = next((share for ranks, share in rules.fractions if tensor >= ranks), fraction)
    return Defaults(chunk, decode_batch, fraction * _vision_factor(vision, by_size=not rules.fractions))


def prefill_graphs(longest: int) -> int:
    """How many prefill graphs are captured up to `longest` tokens."""
    sizes = [size for first, last, step in GRAPH_SIZES for size in range(first, last + 1, step)]
    sizes += range(LONG_GRAPHS, longest + 1, LONG_GRAPH_STEP)
    return sum(size <= longest for size in sizes)


def kv_cache_bytes(free_before: int, weights: int, fraction: float) -> int:
    """Bytes for the KV cache on one rank.

    Args:
        free_before: free memory before the model is loaded: the device less its CUDA context and NCCL.
        weights: what loading the model took.
    """
    return max(0, int(free_before * fraction) - weights)


def _vision_factor(vision: tuple[int, int] | None, *, by_size: bool) -> float:
    """Of the share; until it went by the memory of a device every tower took the same."""
    if vision is None:
        return 1.0
    if not by_size:
        return VISION_FACTOR
    layers, width = vision
    low, high = VISION_BOUNDS
    growth = 1.0 - VISION_STEP * (layers * width**2 / VIT_L - 1.0)
    return VISION_FACTOR * max(low, min(high, growth))
