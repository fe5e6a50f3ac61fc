"""The formulas behind KTransformers' figures with the numbers put in, for ``--explain``."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.devices.sets import DeviceSet, counted
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.ktransformers.experts import experts_of
from llmscale.runtimes.ktransformers.placement import held_of, method_of, started
from llmscale.runtimes.subject import Exact


def explain(subject: Exact, work: Workload, devices: DeviceSet, release: str, engine: str) -> Iterator[str]:
    """The experts in host memory, the weights of a rank, then SGLang's sum."""
    held, found, method = held_of(subject, work), started(subject, work, devices, engine), method_of(subject, work)
    yield (
        f"  weights on each rank = {found.loaded:,} bytes with {held.on_gpu} of {experts_of(subject.spec)} experts of "
        f"each layer (modelled: SGLang {engine})"
    )
    yield (
        f"  weights in RAM = {held.host:,} bytes, all experts as {method.upper()} (modelled: KTransformers {release}, "
        "kt-kernel/operators/amx)"
    )
    yield f"  experts of one layer = {held.layer:,} bytes on each rank, for prompts beyond the threshold"
    if not devices.unnamed:
        yield (
            f"  {counted(devices.id, devices.count)}: SGLang {engine}; on each device {found.free:,} free x "
            f"{found.fraction:.4g} - {found.loaded:,} loaded = {found.left:,} bytes for pools = "
            f"{found.pools.tokens:,} tokens; {found.slack:,} bytes are left (modelled)"
        )
