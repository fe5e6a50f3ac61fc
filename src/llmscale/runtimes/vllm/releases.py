"""The rules of vLLM that changed between releases and matter for memory: the fields of `data/releases/vllm.yaml`."""

from __future__ import annotations

from functools import cache
from typing import Literal

from llmscale.records import NamedTuple
from llmscale.runtimes.parallel.mxfp4 import Kernel
from llmscale.runtimes.releases import holding
from llmscale.units import GIB

#: The newest release whose every part was measured: what figures of older ones are held against.
MEASURED = "0.19.0"


class VllmRules(NamedTuple):
    """The rules of one span of releases; what each of them says stands in the file."""

    utilization: float
    graphs_counted: bool
    tokens_by_requests: bool
    sampler: Literal["sort", "pivot", "flashinfer"]
    hybrid_prefix_caching: bool
    sequences_within_states: bool
    largest_tier: bool
    a100_small: bool
    non_torch_gib: float
    non_torch_other_gib: float
    non_torch_group_gib: tuple[float, float]
    mxfp4: Kernel

    @property
    def non_torch(self) -> int:
        """Bytes outside PyTorch's allocator of a rank alone, on Hopper's and Blackwell's modules."""
        return round(self.non_torch_gib * GIB)

    @property
    def non_torch_other(self) -> int:
        """The same on other cards."""
        return round(self.non_torch_other_gib * GIB)

    @property
    def non_torch_group(self) -> tuple[int, int]:
        """The same of one of several ranks that a switch links, and what each of them adds."""
        base, each = self.non_torch_group_gib
        return round(base * GIB), round(each * GIB)


#: What `llmscale.runtimes.schema` checks the file by.
RULES = VllmRules


@cache
def release(version: str = MEASURED) -> VllmRules:
    """The rules of the release called `version` (``0.19.0``, ``v0.18``).

    Raises:
        UsageError: no release, or one older than the V1 engine.
    """
    known = dict(holding("vllm", version).rules)
    base, each = known["non_torch_group_gib"]
    return VllmRules(**{**known, "non_torch_group_gib": (base, each), "mxfp4": Kernel(**known["mxfp4"])})


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
    device_bytes: int, rules: VllmRules, context: int, *, offline: bool = False, a100: bool = False, gb10: bool = False
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
