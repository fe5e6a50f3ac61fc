"""llama.cpp as a runtime: llama-server with a slot for each sequence, on CUDA devices and in host memory.

Where the tensors are at hand the figures are those of the simulated allocator; of a catalogue model that was compiled
the same to the byte for one device and the usual settings (`summary`). What has no graph (encoders of images) takes the
general rule.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

from llmscale.devices.sets import DeviceSet
from llmscale.errors import UsageError
from llmscale.runtimes.general import GeneralRuntime, spread
from llmscale.runtimes.interface import ModelName, PaceSetting, StepRoom, Workload
from llmscale.runtimes.llama_cpp import summary as compiled
from llmscale.runtimes.llama_cpp.info import INFO
from llmscale.runtimes.llama_cpp.process import further
from llmscale.runtimes.llama_cpp.releases import release
from llmscale.runtimes.placed import LayerSplit, Off, Placement
from llmscale.runtimes.releases import newest
from llmscale.runtimes.subject import Exact, Summary

#: Cells come in multiples of this, and so many tokens of a prompt are computed at once by default.
CELLS, UBATCH = 256, 512


class LlamaCpp(GeneralRuntime):
    """See the module; what simulates is imported when it is asked, which takes 30 ms."""

    def in_own_words(self, work: Workload, *, named: bool) -> Workload:
        from llmscale.runtimes.llama_cpp.slots import in_slots

        return in_slots(work, named=named)

    def settle(self, subject: Exact | Summary, work: Workload, devices: DeviceSet) -> Workload:
        beside = any(map(work.option, ("mmproj", "draft", "spec_type")))
        if isinstance(subject, Summary) and not subject.exact and beside:
            raise UsageError(
                "--mmproj, --draft and --spec-type need a model whose tensors are known, and this is a size alone."
            )
        if self.release == newest(INFO.name):
            return work
        flash = work.option("flash_attn")
        default = release(self.release).flash_attention
        return work.with_options(release=self.release, flash_attn=default if flash is None else flash)

    def place(self, subject: Exact, work: Workload, devices: DeviceSet) -> Placement:
        from llmscale.runtimes.llama_cpp.placement import place

        return place(subject, work, devices)

    def partly(self, subject: Exact, work: Workload, devices: DeviceSet) -> Placement | None:
        from llmscale.runtimes.llama_cpp.placement import partly

        return partly(subject, work, devices)

    def screen(self, summary: Summary, work: Workload, devices: DeviceSet) -> Placement:
        if devices.host:
            return compiled.on_host(summary, work, devices)
        placed = spread(compiled.memory(summary, work), devices.budgets, further(devices))
        if any(cache.source == "cross" for cache in summary.widths.caches):
            return placed  # of two stacks of layers only one counts
        layers = summary.widths.layers + 1
        return placed._replace(layers=LayerSplit(layers, layers))

    def screen_error(self, summary: Summary, work: Workload, devices: DeviceSet) -> Off:
        error = max(compiled.error(summary, work, devices), compiled.ELSEWHERE if devices.host else 0.0)
        return Off(error, error)

    def screens_alike(self, work: Workload, devices: DeviceSet) -> tuple[Hashable, int] | None:
        return None if devices.host or devices.members else (devices.count, further(devices)[0])

    def summarise(self, subject: Exact) -> Any:
        from llmscale.runtimes.llama_cpp.summarise import summarise

        return summarise(subject)

    def bounded(self, subject: Exact) -> bool:
        from llmscale.runtimes.llama_cpp.simulate import facts

        return facts(subject.spec).known

    def granularity(self, work: Workload) -> int:
        return CELLS

    def pace(self, work: Workload) -> PaceSetting | None:
        # Nobody measured what is proposed, by a draft model or a layer of its own, makes of the speed.
        if work.option("draft") or work.option("spec_type"):
            return None
        flash = work.option("flash_attn") is not False
        return PaceSetting(INFO.name, flash, UBATCH, work.option("ram_bandwidth"))

    def step_room(self, work: Workload, devices: DeviceSet) -> StepRoom | None:
        return StepRoom(work.option("ubatch") or UBATCH)

    def launch(self, subject: Exact | Summary, work: Workload, placed: Placement, called: ModelName) -> str | None:
        from llmscale.runtimes.llama_cpp.launch import llama_server

        return llama_server(subject, work, placed, called)

    def explain(self, subject: Exact, work: Workload, placed: Placement, devices: DeviceSet) -> Iterator[str]:
        from llmscale.runtimes.llama_cpp.explain import explain

        return explain(subject, work, placed, devices, self.release)


def runtime(version: str) -> LlamaCpp:
    """llama.cpp of a release that was read."""
    return LlamaCpp(INFO, version)
