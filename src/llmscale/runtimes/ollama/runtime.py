"""Ollama as a runtime: llama-server as Ollama starts it, so llama.cpp's figures with Ollama's settings.

The cache, the state and the buffers are those of `llmscale.runtimes.llama_cpp`, of another commit than Ollama builds
(`LLAMA_CPP`). Without a named device the batch is the one that Ollama takes where there is memory enough for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf

from llmscale.devices.sets import DeviceSet
from llmscale.runtimes.general import spread
from llmscale.runtimes.interface import ModelName, PaceSetting, Workload
from llmscale.runtimes.llama_cpp import summary as compiled
from llmscale.runtimes.llama_cpp.process import further
from llmscale.runtimes.llama_cpp.runtime import UBATCH, LlamaCpp
from llmscale.runtimes.ollama.info import INFO
from llmscale.runtimes.ollama.rules import LLAMA_CPP, MARGIN, batch_size
from llmscale.runtimes.placed import Off, Placement
from llmscale.runtimes.releases import newest
from llmscale.runtimes.subject import Exact, Summary

#: How far off what was compiled of llama.cpp may be on several devices, as a share of what is used: Ollama puts what
#: surely fits one of them on that alone.
SCREENED = 1.0


class Ollama(LlamaCpp):
    """See the module."""

    def settle(self, subject: Exact | Summary, work: Workload, devices: DeviceSet) -> Workload:
        from llmscale.runtimes.ollama.placement import settled

        return settled(subject, work, devices)

    def context(self, devices: Sequence[DeviceSet]) -> int | None:
        from llmscale.runtimes.ollama.placement import context_on

        return context_on(devices)

    def place(self, subject: Exact, work: Workload, devices: DeviceSet) -> Placement:
        from llmscale.runtimes.ollama.placement import place

        return place(subject, work, devices)

    def partly(self, subject: Exact, work: Workload, devices: DeviceSet) -> Placement | None:
        from llmscale.runtimes.ollama.placement import partly

        return partly(subject, work, devices)

    def screen(self, summary: Summary, work: Workload, devices: DeviceSet) -> Placement:
        """What was compiled is of llama.cpp's own batch; its buffer grows by no more than the batch does."""
        found = compiled.memory(summary, work)
        times = max(1, (work.option("ubatch") or batch_size(work.context * work.batch)) // UBATCH)
        larger = found.compute._replace(
            **{end: getattr(found.compute, end) * times for end in ("value", "low", "high")}
        )
        budgets = [budget - MARGIN for budget in devices.budgets]
        return spread(found._replace(compute=larger), budgets, further(devices))

    def screen_error(self, summary: Summary, work: Workload, devices: DeviceSet) -> Off:
        """Of a model with a tower, which Ollama loads beside it, what was compiled says the least alone."""
        theirs = max(compiled.ELSEWHERE, compiled.error(summary, work, devices))
        error = theirs if devices.count == 1 else max(SCREENED, theirs)
        return Off(error, error if summary.text else inf)

    def pace(self, work: Workload) -> PaceSetting | None:
        return PaceSetting(INFO.engine, work.option("flash_attn") is not False, UBATCH)

    def launch(self, subject: Exact | Summary, work: Workload, placed: Placement, called: ModelName) -> str | None:
        from llmscale.runtimes.ollama.launch import ollama_run

        return ollama_run(subject, work, called)

    def explain(self, subject: Exact, work: Workload, placed: Placement, devices: DeviceSet) -> Iterator[str]:
        from llmscale.runtimes.llama_cpp.explain import explain
        from llmscale.runtimes.ollama.placement import given

        told = given(subject, work, devices)
        yield from explain(subject, told, placed, devices, newest(INFO.engine))
        yield (
            f"  Ollama {self.release} starts llama-server ({LLAMA_CPP}) with -c {told.context * told.batch} -np "
            f"{told.batch} -ub {told.option('ubatch')} and lets it keep {MARGIN:,} bytes of each device free"
        )


def runtime(release: str) -> Ollama:
    """Ollama of a release that was read."""
    return Ollama(INFO, release)
