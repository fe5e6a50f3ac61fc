"""SGLang as a runtime; see `llmscale.runtimes.sglang.placement`.

A bare size, a catalogue model of which only the shape was compiled, and what has no cache that is modelled (encoders,
cross-attention) keep the cache and state of the general rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llmscale.devices.sets import DeviceSet
from llmscale.quantity import NOTHING, Basis, Quantity
from llmscale.runtimes.general import GeneralRuntime, Memory
from llmscale.runtimes.interface import ModelName, StepRoom, Workload
from llmscale.runtimes.placed import UNKNOWN, Off, Placement
from llmscale.runtimes.sglang.info import INFO
from llmscale.runtimes.sglang.static import CONTEXT, defaults
from llmscale.runtimes.subject import Exact, Summary

#: How far off the general rule may be on one device and on several, the most that was seen and some
#: (tests/fit/test_screens.py); what is not cached evenly is laid out in pools of its own, see `pools`.
ALONE, SPREAD = Off(0.01, 0.12), Off(0.75, 2.5)


class Sglang(GeneralRuntime):
    """See the module."""

    def settle(self, subject: Exact | Summary, work: Workload, devices: DeviceSet) -> Workload:
        from llmscale.runtimes.sglang.placement import cache_bytes, ranks_of

        cache_bytes(work)
        if isinstance(subject, Summary):
            return work
        ranks = ranks_of(subject, work, devices)
        return work.with_options(tp=ranks if ranks > 1 else None)

    def memory(self, subject: Exact | Summary, work: Workload) -> Memory:
        """The general rule's, without what SGLang leaves memory for by its share."""
        overhead = Quantity.exactly(CONTEXT, Basis.MODELLED)
        return super().memory(subject, work)._replace(compute=NOTHING, overhead=overhead)

    def place(self, subject: Exact, work: Workload, devices: DeviceSet) -> Placement:
        from llmscale.runtimes.sglang.placement import place

        return place(subject, work, devices, self.release, self.memory(subject, work))

    def budgets(self, work: Workload, devices: DeviceSet) -> Sequence[int]:
        from llmscale.runtimes.sglang.placement import budget

        return (budget(work, devices, self.release),) * devices.count

    def screen_error(self, summary: Summary, work: Workload, devices: DeviceSet) -> Off:
        if not summary.widths.even or work.options:
            return UNKNOWN
        return ALONE if devices.count == 1 else SPREAD

    def ranks(self, work: Workload) -> int:
        return int(work.option("tp") or 1)

    def step_room(self, work: Workload, devices: DeviceSet) -> StepRoom | None:
        given = work.option("chunked_prefill_size")
        chunk = defaults(devices.visible, tensor=self.ranks(work), chunk=given, version=self.release).chunk
        return StepRoom(chunk, work.option("max_running_requests"), self.ranks(work))

    def launch(self, subject: Exact | Summary, work: Workload, placed: Placement, called: ModelName) -> str | None:
        from llmscale.runtimes.sglang.launch import sglang_server

        return sglang_server(subject, work, called)

    def explain(self, subject: Exact, work: Workload, placed: Placement, devices: DeviceSet) -> Iterator[str]:
        from llmscale.runtimes.sglang.explain import explain

        if placed.notes:
            yield from super().explain(subject, work, placed, devices)
        yield from explain(subject, work, placed, devices, self.release)


def runtime(release: str) -> Sglang:
    """SGLang of a release that was read."""
    return Sglang(INFO, release)
