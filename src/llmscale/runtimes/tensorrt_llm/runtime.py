"""TensorRT-LLM's PyTorch backend as a runtime; see `llmscale.runtimes.tensorrt_llm.placement`.

A bare size keeps the cache and state of the general rule, with what a rank takes besides for Hopper.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.devices.sets import DeviceSet
from llmscale.errors import UsageError
from llmscale.quantity import Basis, Quantity
from llmscale.runtimes.general import GeneralRuntime, Memory, spread
from llmscale.runtimes.interface import ModelName, PaceSetting, Workload
from llmscale.runtimes.placed import UNKNOWN, Off, Placement
from llmscale.runtimes.subject import Exact, Summary
from llmscale.runtimes.tensorrt_llm.blocks import BLOCK
from llmscale.runtimes.tensorrt_llm.info import INFO
from llmscale.runtimes.tensorrt_llm.startup import STEP, besides, step_bytes


class TensorRtLlm(GeneralRuntime):
    """See the module."""

    def in_own_words(self, work: Workload, *, named: bool) -> Workload:
        longest = work.option("max_seq_len")
        if longest is None:
            return work
        if named and longest != work.context:
            raise UsageError(f"--context {work.context} and --max_seq_len {longest} are both one sequence.")
        return work._replace(context=longest).with_options(max_seq_len=None)

    def settle(self, subject: Exact | Summary, work: Workload, devices: DeviceSet) -> Workload:
        from llmscale.runtimes.tensorrt_llm.settings import cache_bits, cache_share, settled

        cache_bits(work)
        cache_share(work)
        return work if isinstance(subject, Summary) else settled(subject, work, devices)

    def memory(self, subject: Exact | Summary, work: Workload) -> Memory:
        """The general rule's, with what a step of TensorRT-LLM computes with and what it takes besides."""
        step = step_bytes(subject.widths, work.option("max_num_tokens") or STEP, 1)
        taken = besides(1, None)
        overhead = Quantity(taken.counted, taken.least, taken.most, Basis.ASSUMED)
        compute = Quantity.exactly(step, Basis.MODELLED)
        return super().memory(subject, work)._replace(compute=compute, overhead=overhead)

    def place(self, subject: Exact, work: Workload, devices: DeviceSet) -> Placement:
        from llmscale.runtimes.tensorrt_llm.placement import place

        return place(subject, work, devices)

    def screen(self, summary: Summary, work: Workload, devices: DeviceSet) -> Placement:
        from llmscale.runtimes.tensorrt_llm.settings import cache_share

        memory = self.memory(summary, work)
        taken = memory.weights.value // devices.count + memory.compute.value + memory.overhead.value
        free = max(0, devices.visible - taken)
        budget = devices.visible - int(free * (1 - cache_share(work)))
        return spread(memory, (budget,) * devices.count, self.further(devices))

    def screen_error(self, summary: Summary, work: Workload, devices: DeviceSet) -> Off:
        return UNKNOWN

    def granularity(self, work: Workload) -> int:
        return BLOCK if work.batch == 1 else 1

    def ranks(self, work: Workload) -> int:
        return int((work.option("tp") or 1) * (work.option("pp") or 1))

    def pace(self, work: Workload) -> PaceSetting | None:
        return None

    def launch(self, subject: Exact | Summary, work: Workload, placed: Placement, called: ModelName) -> str | None:
        from llmscale.runtimes.tensorrt_llm.launch import trtllm_serve

        return trtllm_serve(subject, work, called)

    def explain(self, subject: Exact, work: Workload, placed: Placement, devices: DeviceSet) -> Iterator[str]:
        from llmscale.runtimes.tensorrt_llm.explain import explain

        return explain(subject, work, placed, devices, self.release)


def runtime(release: str) -> TensorRtLlm:
    """TensorRT-LLM of a release that was read."""
    return TensorRtLlm(INFO, release)
