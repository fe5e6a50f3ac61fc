"""What changed between releases of vLLM and matters for memory: a table, so that a log of any of them can be checked.

Each fact was read in the released package that is named; the release that brought it may be a little older. A fact
holds from its release until the next entry. Only the V1 engine is described (the default since 0.8).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from llmscale.errors import UsageError
from llmscale.runtimes.vllm.mxfp4 import MARLIN, TRITON, Kernel
from llmscale.units import GIB


class Release(NamedTuple):
    """The rules of one span of releases.

    Attributes:
        since: first release it holds for.
        utilization: default of ``--gpu-memory-utilization`` (``vllm/config/cache.py``).
        graphs_counted: whether the KV cache is made smaller by an estimate of the CUDA graphs
            (``VLLM_MEMORY_PROFILER_ESTIMATE_CUDAGRAPHS`` in ``vllm/envs.py``).
        tokens_by_requests: whether the reported size is the concurrency times the context
            (``get_kv_cache_capacity`` in ``vllm/v1/core/kv_cache_utils.py``) rather than blocks / groups x block size.
        sampler: how top-k and top-p are applied when the sampler is profiled, see `llmscale.runtimes.vllm.profile`.
        hybrid_prefix_caching: whether models with recurrent layers cache prefixes by default
            (``is_prefix_caching_supported`` in ``vllm/config/model.py``).
        largest_tier: whether devices of 160 GiB have defaults of their own.
        a100_small: whether an A100 has the defaults of a small device (pull request 17885).
        non_torch: bytes outside PyTorch's allocator of a rank alone, measured on H100.
        non_torch_other: the same on other cards than Hopper's and Blackwell's modules: measured (RTX 4090, L40S) until
            0.16; from then on what logs of five cards leave beside the modelled activations, 0.10 to 0.15 GiB.
        non_torch_group: the same of one of several ranks on cards that a switch links, and what each of them adds,
            measured on H100.
        mxfp4: how experts of gpt-oss lie on a device of compute capability 9.0.
        measured: whether rows in tests/truth/vllm.json cover it.
    """

    since: tuple[int, int, int]
    utilization: float
    graphs_counted: bool
    tokens_by_requests: bool
    sampler: str
    hybrid_prefix_caching: bool
    largest_tier: bool
    a100_small: bool
    non_torch: int
    non_torch_other: int
    non_torch_group: tuple[int, int]
    mxfp4: Kernel
    measured: bool


def _gib(value: float) -> int:
    return round(value * GIB)


_0_8 = Release(
    since=(0, 8, 0),  # read in 0.8.5
    utilization=0.9,
    graphs_counted=False,
    tokens_by_requests=False,
    sampler="sort",
    hybrid_prefix_caching=False,
    largest_tier=False,
    a100_small=False,
    non_torch=_gib(0.13),
    non_torch_other=_gib(0.02),
    non_torch_group=(_gib(0.54), 0),
    mxfp4=MARLIN,
    measured=False,
)
_0_9 = _0_8._replace(since=(0, 9, 0), a100_small=True, measured=True)  # read in 0.9.2; measured in 0.11, 0.15, 0.16
_KEEPING = TRITON._replace(keeps_scales=True)
_0_12 = _0_9._replace(since=(0, 12, 0), mxfp4=_KEEPING)  # read in 0.12.0, 0.13.0 and 0.14.1; 0.11.2 has no Triton
_0_17 = _0_12._replace(  # read in 0.17.1 and 0.19.0; measured in 0.18 and 0.19
    since=(0, 17, 0),
    sampler="pivot",
    non_torch=_gib(0.25),
    non_torch_other=_gib(0.12),
    non_torch_group=(_gib(1.99), _gib(0.045)),
    mxfp4=_KEEPING._replace(inner=128),  # read in 0.18.0 to 0.21.0
)
_0_20 = _0_17._replace(since=(0, 20, 0), utilization=0.92, graphs_counted=True, measured=False)  # read in 0.20.0
_0_20_1 = _0_20._replace(since=(0, 20, 1), tokens_by_requests=True)  # read in 0.20.1 and 0.20.2
_0_21 = _0_20_1._replace(since=(0, 21, 0), sampler="flashinfer")  # read in 0.21.0
_0_22 = _0_21._replace(since=(0, 22, 0), mxfp4=_KEEPING)  # read in 0.22.0 to 0.24.0
_0_25 = _0_22._replace(since=(0, 25, 0), mxfp4=TRITON)  # read in 0.25.1
_0_26 = _0_25._replace(since=(0, 26, 0), hybrid_prefix_caching=True)  # read in 0.26.0
_0_29 = _0_26._replace(since=(0, 29, 0), largest_tier=True)  # read in 0.29.0 and 0.33.0

RELEASES = (_0_8, _0_9, _0_12, _0_17, _0_20, _0_20_1, _0_21, _0_22, _0_25, _0_26, _0_29)
#: The newest release whose every part was measured: what is modelled where nobody names one.
MEASURED = "0.19.0"
#: The newest release that was read.
CURRENT = "0.33.0"


def release(version: str = MEASURED) -> Release:
    """The rules of the release called `version` (``0.19.0``, ``v0.18``).

    Raises:
        UsageError: no version, or one older than the V1 engine.
    """
    found = re.match(r"v?(\d+)\.(\d+)(?:\.(\d+))?", version.strip())
    if found is None:
        raise UsageError(f"'{version}' is no version of vLLM.", f"For example {CURRENT}.")
    number = tuple(int(part or 0) for part in found.groups())
    if number < RELEASES[0].since:
        raise UsageError(f"vLLM {version} is older than the engine that is modelled.", "0.8 is the oldest.")
    return max((entry for entry in RELEASES if entry.since <= number), key=lambda entry: entry.since)


class Batch(NamedTuple):
    """Limits of one step.

    Attributes:
        tokens: ``--max-num-batched-tokens``.
        sequences: ``--max-num-seqs``.
    """

    tokens: int
    sequences: int


#: (least device bytes, tokens of a server, tokens of ``LLM()``, sequences), largest first
#: (``get_batch_defaults`` in ``vllm/engine/arg_utils.py``).
LARGEST_TIER = (160 * GIB, 16384, 16384, 1024)
LARGE_TIER = (70 * GIB, 8192, 16384, 1024)
SMALL_TIER = (0, 2048, 8192, 256)


def default_batch(
    device_bytes: int, rules: Release, context: int, *, offline: bool = False, a100: bool = False, gb10: bool = False
) -> Batch:
    """The limits that vLLM takes on a CUDA device when none are given.

    Args:
        device_bytes: memory of the device as CUDA reports it.
        context: ``--max-model-len``.
        offline: ``LLM()`` in Python rather than a server.
        a100, gb10: whether the device is one; both have much memory but take the defaults of small devices.
    """
    small = (a100 and rules.a100_small) or gb10
    tiers = (*([LARGEST_TIER] if rules.largest_tier else []), *([] if small else [LARGE_TIER]), SMALL_TIER)
    _, server, library, sequences = next(tier for tier in tiers if device_bytes >= tier[0])
    tokens = library if offline else server
    return Batch(min(tokens, sequences * context), min(sequences, tokens))
