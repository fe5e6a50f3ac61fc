"""The formulas behind vLLM's figures with the numbers put in, for ``--explain``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from llmscale.devices.sets import DeviceSet, counted
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.placed import Placement
from llmscale.runtimes.subject import Exact
from llmscale.runtimes.vllm.releases import release
from llmscale.runtimes.vllm.started import Served, started


def explain(subject: Exact, work: Workload, placed: Placement, devices: DeviceSet, version: str) -> Iterator[str]:
    """The cache of each group, compute and overhead of a rank, then the sum that leaves so much for the cache."""
    start = started(subject, work, devices, version)
    if start is None:
        if not devices.unnamed:
            yield f"  {_name(devices)}: vLLM's cache of this model is not modelled; the general rule is taken"
        return
    yield from _parts(start, work, version)
    if not devices.unnamed:
        yield _share(start, work, devices, version)


def _parts(start: Served, work: Workload, version: str) -> Iterator[str]:
    found = start.found
    plan, batch, stage = found.plan, found.batch, found.stages[0]
    alike = Counter((len(group.layers), group.request_blocks, group.block_size) for group in plan.groups)
    for (layers, blocks, tokens), groups in alike.items():
        size = f"blocks of {tokens} tokens" if tokens else "blocks of one state"
        total = groups * work.batch * blocks * plan.stage_block_bytes[0]
        shared = f"{layers} layers in one group" if groups == 1 else f"{groups} groups of {layers} layers"
        yield (
            f"  KV cache: {shared}, {work.batch} requests x {blocks} {size} x {plan.stage_block_bytes[0]:,} bytes "
            f"= {total:,} bytes (modelled: vLLM {version})"
        )
    yield (
        f"  compute = {stage.activations:,} bytes of activations in a profile run of {batch.tokens:,} tokens "
        f"and {batch.sequences:,} sequences (modelled: vLLM {version}) + {stage.graphs:,} bytes of CUDA graphs"
        f"{'' if release(version).graphs_counted else ' outside the share'} (fitted to H100: 8 % off in the middle, "
        "37 % at most, on models left out; 38 % in the middle on other cards)"
    )
    yield (
        f"  overhead = {stage.non_torch:,} bytes outside PyTorch: cuBLAS, Triton, NCCL (measured, "
        "tests/truth/vllm.json)"
    )


def _share(start: Served, work: Workload, devices: DeviceSet, version: str) -> str:
    """The sum of the stage with the least left."""
    found, parallel = start.found, start.settings.parallel
    tight = min(found.stages, key=lambda stage: stage.kv_cache - stage.missing)
    tokens = "" if found.capacity.tokens is None else f"{found.capacity.tokens:,} tokens, "
    graphs = f" - {tight.graphs:,} CUDA graphs" if release(version).graphs_counted else ""
    outside = "" if graphs else f"; {tight.graphs:,} bytes of CUDA graphs lie outside that share"
    return (
        f"  {_name(devices)}: vLLM {version}, tensor {parallel.tensor} x pipeline {parallel.pipeline} x data "
        f"{parallel.data}, a step of {found.batch.tokens:,} tokens and {found.batch.sequences:,} sequences; on each "
        f"device {devices.visible:,} x {found.utilization:g} - {tight.weights:,} weights - {tight.activations:,} "
        f"activations - {tight.non_torch:,} outside PyTorch{graphs} = {tight.kv_cache - tight.missing:,} bytes = "
        f"{tokens}{found.capacity.concurrency:,.1f} requests of {work.context:,}{outside} (modelled)"
    )


def _name(devices: DeviceSet) -> str:
    return counted(devices.id, devices.count)
