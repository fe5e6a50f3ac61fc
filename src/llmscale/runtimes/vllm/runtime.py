"""vLLM as a runtime; see `llmscale.runtimes.vllm.placement`.

A bare size, and what has no cache that is modelled (encoders, cross-attention) take the general rule; what a catalogue
model is screened by is `llmscale.runtimes.vllm.summary`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import Any

from llmscale.devices.sets import DeviceSet
from llmscale.runtimes.general import GeneralRuntime, spread
from llmscale.runtimes.interface import ModelName, PaceSetting, StepRoom, Workload
from llmscale.runtimes.parallel.ranks import part
from llmscale.runtimes.placed import Off, Placement, Usage
from llmscale.runtimes.subject import Exact, Summary
from llmscale.runtimes.vllm.info import INFO

#: Tokens of a block of the cache.
BLOCK = 16
#: What a placement says that no model of vLLM made.
RULE = "general_rule"
#: What rows of the engine before V1 would be called; there are too few of them for a bound.
BEFORE_V1 = "vllm, before V1"


class Vllm(GeneralRuntime):
    """See the module."""

    def settle(self, subject: Exact | Summary, work: Workload, devices: DeviceSet) -> Workload:
        from llmscale.runtimes.vllm.started import cache_bytes, in_own_format, laid_out

        if isinstance(subject, Exact):
            work = in_own_format(subject, work)
        cache_bytes(work)
        if isinstance(subject, Summary):
            return work
        parallel = laid_out(subject, work, devices)
        ranks = {"tp": parallel.tensor, "pp": parallel.pipeline, "dp": parallel.data}
        return work.with_options(**{name: count if count > 1 else None for name, count in ranks.items()})

    def place(self, subject: Exact, work: Workload, devices: DeviceSet) -> Placement:
        from llmscale.runtimes.vllm.placement import place

        return place(subject, work, devices, self.release, self.memory(subject, work))

    def budgets(self, work: Workload, devices: DeviceSet) -> Sequence[int]:
        from llmscale.runtimes.vllm.placement import budgets

        return budgets(work, devices, self.release)

    def screen(self, summary: Summary, work: Workload, devices: DeviceSet) -> Placement:
        from llmscale.runtimes.vllm.placement import beyond_a_step
        from llmscale.runtimes.vllm.summary import memory

        replicas = work.option("dp") or 1
        ranks, alone = devices.count // replicas, work._replace(batch=part(work.batch, replicas))
        found = memory(summary, self.memory(summary, alone), alone, devices, self.release)
        budgets, further = self.budgets(work, devices), self.further(devices)
        one = spread(found, budgets[:ranks], further[:ranks])
        unused = [Usage(budget) for budget in budgets[replicas * ranks :]]
        limits = tuple(beyond_a_step(alone, devices, self.release))
        return one._replace(devices=(*one.devices * replicas, *unused), limits=limits, copies=replicas)

    def screens_alike(self, work: Workload, devices: DeviceSet) -> tuple[Hashable, int] | None:
        from llmscale.runtimes.vllm.placement import step_limits
        from llmscale.runtimes.vllm.started import card_of

        if devices.members:
            return None
        limits = step_limits(work, devices, self.release)
        return (devices.count, devices.unnamed, limits, card_of(devices).device), 0

    def screen_error(self, summary: Summary, work: Workload, devices: DeviceSet) -> Off:
        from llmscale.runtimes.vllm.summary import error

        return error(summary, work, devices)

    def summarise(self, subject: Exact) -> Any:
        from llmscale.runtimes.vllm.summary import summarise

        return summarise(subject)

    def bounded(self, subject: Exact) -> bool:
        from llmscale.runtimes.vllm.compressed import is_compressed

        # Of compressed attention what requests take is exact, and nobody measured what a step does.
        return not is_compressed(subject.spec)

    @property
    def measured_as(self) -> str:
        from llmscale.runtimes.vllm.releases import release

        return BEFORE_V1 if release(self.release).whole_prompts else INFO.name

    def granularity(self, work: Workload) -> int:
        return int(work.option("block_size") or BLOCK)

    def ranks(self, work: Workload) -> int:
        count = 1
        for name in ("tp", "pp", "dp"):
            count *= work.option(name) or 1
        return count

    def pace(self, work: Workload) -> PaceSetting | None:
        # Nobody measured what weights take that come from RAM each step, how often speculation is right, or stages.
        if any(work.option(name) for name in ("cpu_offload_gb", "speculative_config", "pp")):
            return None
        return PaceSetting("vllm-eager" if work.option("enforce_eager") else INFO.name)

    def step_room(self, work: Workload, devices: DeviceSet) -> StepRoom | None:
        from llmscale.runtimes.vllm.placement import step_limits

        if work.option("pp"):  # nobody measured how full the stages are
            return None
        tokens, sequences = step_limits(work, devices, self.release)
        return StepRoom(tokens, sequences, work.option("tp") or 1, work.option("dp") or 1)

    def launch(self, subject: Exact | Summary, work: Workload, placed: Placement, called: ModelName) -> str | None:
        from llmscale.runtimes.vllm.launch import vllm_serve

        return vllm_serve(subject, work, called) if isinstance(subject, Exact) else None

    def explain(self, subject: Exact, work: Workload, placed: Placement, devices: DeviceSet) -> Iterator[str]:
        from llmscale.runtimes.vllm.explain import explain

        if any(told.code == RULE for told in placed.notes):
            yield from super().explain(subject, work, placed, devices)
        yield from explain(subject, work, placed, devices, self.release)


def runtime(release: str) -> Vllm:
    """vLLM of a release that was read."""
    return Vllm(INFO, release)
