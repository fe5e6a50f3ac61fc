"""The rules of SGLang that belong to a release: the fields of `data/releases/sglang.yaml`."""

from __future__ import annotations

from functools import cache
from math import inf

from llmscale.records import NamedTuple
from llmscale.runtimes.releases import holding, newest
from llmscale.units import GIB


class MemoryTier(NamedTuple):
    """Defaults of devices with less than `below_gib`: prefill chunk, decode batch on 1 to 3 and on more ranks."""

    chunk: int
    few: int
    many: int
    below_gib: float = inf

    @property
    def below(self) -> float:
        """Bytes that a device of it has less than."""
        return self.below_gib * GIB


class SglangRules(NamedTuple):
    """The rules of one span of releases; what each of them says stands in the file."""

    fractions: tuple[tuple[int, float], ...]
    prefill_graphs: bool
    tiers: tuple[MemoryTier, ...]


#: What `llmscale.runtimes.schema` checks the file by.
RULES = SglangRules


@cache
def release(version: str = "") -> SglangRules:
    """The rules of the release called `version`.

    Raises:
        UsageError: no release, or one older than was read.
    """
    rules = holding("sglang", version or newest("sglang")).rules
    tiers = tuple(MemoryTier(**tier) for tier in rules["tiers"])
    return SglangRules(tuple((ranks, share) for ranks, share in rules["fractions"]), rules["prefill_graphs"], tiers)
