"""KTransformers as a runtime: SGLang's devices, with the routed experts in host memory."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.devices.sets import DeviceSet
from llmscale.errors import UnsupportedModelError
from llmscale.quantity import Quantity
from llmscale.runtimes.general import spread
from llmscale.runtimes.interface import ModelName, PaceSetting, StepRoom, Workload
from llmscale.runtimes.ktransformers.info import INFO
from llmscale.runtimes.placed import UNKNOWN, Off, Placement
from llmscale.runtimes.releases import newest
from llmscale.runtimes.sglang.runtime import Sglang
from llmscale.runtimes.subject import Exact, Summary

ENGINE = newest(INFO.engine)


class KTransformers(Sglang):
    """See the module."""

    def settle(self, subject: Exact | Summary, work: Workload, devices: DeviceSet) -> Workload:
        if isinstance(subject, Summary):
            if not subject.exact:
                raise UnsupportedModelError(
                    "Of a size alone nobody knows which weights are experts.", "Name a model, or another --runtime."
                )
            return super().settle(subject, work, devices)
        from llmscale.runtimes.ktransformers.placement import held_of

        settled = super().settle(subject, work, devices)
        held_of(subject, settled)
        return settled

    def place(self, subject: Exact, work: Workload, devices: DeviceSet) -> Placement:
        from llmscale.runtimes.ktransformers.placement import place

        return place(subject, work, devices, ENGINE)

    def screen(self, summary: Summary, work: Workload, devices: DeviceSet) -> Placement:
        from llmscale.runtimes.sglang.placement import budget

        # How many of the weights are experts was not compiled; what is shown is placed with the tensors.
        memory = self.memory(summary, work)
        kept = Quantity(0, 0, memory.weights.value, memory.weights.basis)
        budgets = (budget(work, devices, ENGINE),) * devices.count
        return spread(memory._replace(weights=kept), budgets, self.further(devices))

    def screen_error(self, summary: Summary, work: Workload, devices: DeviceSet) -> Off:
        return UNKNOWN

    def step_room(self, work: Workload, devices: DeviceSet) -> StepRoom | None:
        return None

    def pace(self, work: Workload) -> PaceSetting | None:
        return None

    def launch(self, subject: Exact | Summary, work: Workload, placed: Placement, called: ModelName) -> str | None:
        from llmscale.runtimes.ktransformers.launch import kt_server

        return kt_server(subject, work, called) if isinstance(subject, Exact) else None

    def explain(self, subject: Exact, work: Workload, placed: Placement, devices: DeviceSet) -> Iterator[str]:
        from llmscale.runtimes.ktransformers.explain import explain

        return explain(subject, work, devices, self.release, ENGINE)


def runtime(release: str) -> KTransformers:
    """KTransformers of a release that was read."""
    return KTransformers(INFO, release)
