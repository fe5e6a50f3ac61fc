"""LMDeploy's TurboMind engine as a runtime; see `llmscale.runtimes.lmdeploy.placement`.

A bare size keeps the cache and state of the general rule, without what a step computes with.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.devices.sets import DeviceSet
from llmscale.errors import UsageError
from llmscale.formats.catalogue import format_of
from llmscale.quantity import NOTHING, Basis, Quantity
from llmscale.runtimes.general import GeneralRuntime, Memory, spread
from llmscale.runtimes.interface import ModelName, PaceSetting, Workload
from llmscale.runtimes.lmdeploy.blocks import BLOCK
from llmscale.runtimes.lmdeploy.info import INFO
from llmscale.runtimes.lmdeploy.startup import BESIDES, LEAST, MOST, SHARE
from llmscale.runtimes.placed import UNKNOWN, Off, Placement
from llmscale.runtimes.subject import Exact, Summary

#: What ``--quant-policy`` makes of the cache.
FORMATS = {"8": "int8", "4": "int4"}


class Lmdeploy(GeneralRuntime):
    """See the module."""

    def in_own_words(self, work: Workload, *, named: bool) -> Workload:
        policy, session = work.option("quant_policy"), work.option("session_len")
        if session is not None:
            if named and session != work.context:
                raise UsageError(f"--context {work.context} and --session-len {session} are both one sequence.")
            work = work._replace(context=session)
        if policy in FORMATS:
            work = work._replace(kv=format_of(FORMATS[policy]))
        return work.with_options(quant_policy=None, session_len=None)

    def settle(self, subject: Exact | Summary, work: Workload, devices: DeviceSet) -> Workload:
        from llmscale.runtimes.lmdeploy.placement import cache_bits, cache_share, ranks_of

        cache_bits(work)
        cache_share(work)
        if isinstance(subject, Summary):
            return work
        ranks = ranks_of(subject, work, devices)
        return work.with_options(tp=ranks if ranks > 1 else None)

    def memory(self, subject: Exact | Summary, work: Workload) -> Memory:
        """The general rule's, with what TurboMind takes besides weights instead of activations."""
        overhead = Quantity(BESIDES, LEAST, MOST, Basis.ASSUMED)
        return super().memory(subject, work)._replace(compute=NOTHING, overhead=overhead)

    def place(self, subject: Exact, work: Workload, devices: DeviceSet) -> Placement:
        from llmscale.runtimes.lmdeploy.placement import place

        return place(subject, work, devices, self.release)

    def screen(self, summary: Summary, work: Workload, devices: DeviceSet) -> Placement:
        memory, share = self.memory(summary, work), work.option("cache_max_entry_count") or SHARE
        free = devices.visible - memory.weights.value // devices.count - BESIDES
        budget = devices.visible - int(max(0, free) * (1 - share))
        return spread(memory, (budget,) * devices.count, self.further(devices))

    def screen_error(self, summary: Summary, work: Workload, devices: DeviceSet) -> Off:
        return UNKNOWN

    def granularity(self, work: Workload) -> int:
        return BLOCK if work.batch == 1 else 1

    def ranks(self, work: Workload) -> int:
        return int(work.option("tp") or 1)

    def pace(self, work: Workload) -> PaceSetting | None:
        return None

    def launch(self, subject: Exact | Summary, work: Workload, placed: Placement, called: ModelName) -> str | None:
        from llmscale.runtimes.lmdeploy.launch import lmdeploy_server

        return lmdeploy_server(subject, work, called)

    def explain(self, subject: Exact, work: Workload, placed: Placement, devices: DeviceSet) -> Iterator[str]:
        from llmscale.runtimes.lmdeploy.explain import explain

        return explain(subject, work, placed, devices, self.release)


def runtime(release: str) -> Lmdeploy:
    """LMDeploy of a release that was read."""
    return Lmdeploy(INFO, release)
