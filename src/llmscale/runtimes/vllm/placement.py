"""Where vLLM puts a model: a share of it on every rank, the cache of the requests asked for, and what is left of it.

The budget of a device is what ``--gpu-memory-utilization`` gives. Until 0.19 CUDA graphs have to find memory outside
it; from 0.20 on they are taken out of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llmscale.devices.sets import DeviceSet
from llmscale.model.spec import ModelSpec
from llmscale.notes import Note, note
from llmscale.runtimes.general import Memory, spread
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.parallel.paging import CacheLayout
from llmscale.runtimes.parallel.ranks import part
from llmscale.runtimes.parallel.requests import fewer
from llmscale.runtimes.placed import (
    CACHE,
    COMPUTE,
    OVERHEAD,
    STATE,
    UNLIMITED,
    WEIGHTS,
    Capacity,
    Limit,
    Placement,
    Usage,
    Verdict,
    gathered,
    modelled,
)
from llmscale.runtimes.subject import Exact
from llmscale.runtimes.vllm.cache import capacity as cache_capacity
from llmscale.runtimes.vllm.compressed import is_compressed
from llmscale.runtimes.vllm.info import INFO
from llmscale.runtimes.vllm.releases import Batch, release
from llmscale.runtimes.vllm.started import SMALL, Served, card_of, started
from llmscale.runtimes.vllm.startup import VllmSettings, limits

#: Of memory that the system has as well, the shares that were free when vLLM started, which ends where it wants more
#: (`request_memory` in vllm/v1/worker/utils.py): between 0.83 (github.com/MiaAI-Lab/GLM-5.3-Flash-EXL3-2x-DGX-Sparks,
#: issue 47: 101.3 to 102.2 of 121.69 GiB, without a desktop) and 0.95, the most that anybody reports to work sometimes
#: (github.com/MiaAI-Lab/DeepSeek-v4-Flash-DSpark-2x-DGX-Spark, issue 5).
SURELY_FREE, HARDLY_FREE = 0.83, 0.95
#: Of the blocks that are counted, those that the start with the fewest reported (tests/truth/vllm_blocks.json). Its
#: three rows agree with a start that speculates by the model's own layer, which it does not say: a seventeenth layer
#: of attention and states of three more tokens make blocks of 1.084 times the bytes, and what then is missing is the
#: same in three formats within 0.2 GiB.
SURE_BLOCKS = 0.78
#: Of the requests that are counted, those that the engine before V1 surely holds: two starts of it held 0.95 and 0.93
#: (github.com/vllm-project/vllm, issue 10517), and what it reserved besides is not modelled.
SURE_BEFORE_V1 = 0.9


def share(work: Workload, version: str) -> float:
    """Of a device's memory, what vLLM may use."""
    given = work.option("gpu_memory_utilization")
    return release(version).utilization if given is None else float(given)


def budgets(work: Workload, devices: DeviceSet, version: str) -> Sequence[int]:
    """Bytes of each device that vLLM may use; of unlike ones as much of each as of the smallest."""
    return (int(devices.visible * share(work, version)),) * devices.count


def step_limits(work: Workload, devices: DeviceSet, version: str) -> Batch:
    """The tokens and sequences of one step; those of a small device where none is named."""
    asked = VllmSettings(
        context=work.context,
        max_num_seqs=work.option("max_num_seqs"),
        max_num_batched_tokens=work.option("max_num_batched_tokens"),
        version=version,
    )
    card = card_of(devices)
    return limits(card._replace(memory=SMALL) if devices.unnamed else card, asked)


def place(subject: Exact, work: Workload, devices: DeviceSet, version: str, rule: Memory) -> Placement:
    """The ranks on `devices`.

    Args:
        rule: what stands for a model whose cache is not modelled.

    Raises:
        UsageError: what vLLM refuses.
    """
    start = started(subject, work, devices, version)
    each = budgets(work, devices, version)
    if start is None:
        told = note("general_rule", runtime=INFO.title, model=subject.spec.name)
        return spread(rule, each, (0,) * devices.count)._replace(notes=(told,))
    found, parallel = start.found, start.settings.parallel
    counted = release(version).graphs_counted
    requests = part(work.batch, parallel.data)
    stages = []
    for number, stage in enumerate(found.stages):
        cache, state = request_parts(found.plan, number)
        compute = stage.activations + (stage.graphs if counted else 0)
        sizes = ((WEIGHTS, stage.weights), (CACHE, requests * cache), (STATE, requests * state), (COMPUTE, compute))
        # Where the cache is named its bytes stand for the share.
        named, taken = start.settings.cache_bytes, stage.taken(graphs=counted)
        budget = each[0] if named is None else min(devices.visible, taken + named)
        usage = Usage(budget, gathered((*modelled(sizes), (OVERHEAD, stage.outside))))
        stages += [usage] * parallel.tensor
    ranks = stages * parallel.data
    unused = [Usage(each[0])] * (devices.count - len(ranks))
    capacity = None
    if not devices.unnamed:
        pool = min(stage.kv_cache for stage in found.stages)
        most = step_limits(work, devices, version).sequences
        capacity = Capacity(found.capacity.tokens, found.capacity.concurrency, pool, parallel.data, most)
    offloaded = sum(stage.offloaded for stage in found.stages) * parallel.tensor * parallel.data
    host = Usage(UNLIMITED, modelled(((WEIGHTS, offloaded),)))
    decides = tuple(_limits(start, subject.spec, requests, devices, capacity))
    said = tuple(_said(start, subject.spec, devices))
    return Placement((*ranks, *unused), host, capacity=capacity, limits=decides, notes=said)


def _said(start: Served, spec: ModelSpec, devices: DeviceSet) -> Iterator[Note]:
    """What the figures of a start are to be read with."""
    if not devices.unnamed:
        yield from _system_takes(start, devices)
    if is_compressed(spec):
        yield note("cache_in_fp8", runtime=INFO.title, model=spec.name)


def _system_takes(start: Served, devices: DeviceSet) -> Iterator[Note]:
    """What the cache holds where the system took least of the memory, and where it took most."""
    stages, rules = start.found.stages, release(start.settings.version)
    if start.settings.cache_bytes is not None or not any(stage.uncertain for stage in stages):
        return
    ends = []
    for high in (True, False):
        left = [max(0, stage.left(high=high)) for stage in stages]
        ends.append(cache_capacity(left, start.found.plan, start.settings.context, rules))
    outside = stages[0].outside
    yield note(
        "system_takes",
        low=outside.low,
        high=outside.high,
        fewest=ends[0].tokens,
        most=ends[1].tokens,
        device=devices.id,
    )


def beyond_a_step(work: Workload, devices: DeviceSet, version: str) -> Iterator[Limit]:
    """That more sequences are asked of a replica than a step takes."""
    sequences = step_limits(work, devices, version).sequences
    if not devices.unnamed and (few := fewer(sequences, work.batch)):
        yield few


def request_parts(plan: CacheLayout, stage: int) -> tuple[int, int]:
    """Bytes of cache and of recurrent state that one request of the whole context takes on a rank of `stage`."""
    page = plan.stage_block_bytes[stage]
    grows = sum(group.request_blocks for group in plan.groups if group.block_size)
    return page * grows, page * (plan.request_blocks - grows)


def _too_many_sequences(start: Served, devices: DeviceSet) -> Limit | None:
    """Why graphs of decode steps cannot be captured: each sequence of one needs a block of recurrent state."""
    states = any(not group.block_size for group in start.found.plan.groups)
    if not states or start.settings.eager or not release(start.settings.version).sequences_within_states:
        return None
    sequences, blocks = limits(card_of(devices), start.settings).sequences, start.found.capacity.blocks
    surely = int(blocks * SURE_BLOCKS)
    if sequences > blocks:
        return Limit(note("too_many_sequences", sequences=sequences, blocks=blocks), Verdict.NO)
    if sequences > surely:
        values = {"sequences": sequences, "blocks": blocks, "surely": surely}
        return Limit(note("perhaps_too_many_sequences", **values), Verdict.MAYBE)
    return None


def _before_v1(start: Served, spec: ModelSpec, requests: int) -> Limit | None:
    """Whether the engine before V1 may hold less: of it only the step of prompts is modelled, for plain caches."""
    version, found = start.settings.version, start.found
    if not release(version).whole_prompts:
        return None
    groups = found.plan.groups
    plain = len(groups) == 1 and groups[0].block_size and not any(one.tower for one in spec.placed)
    if plain and found.capacity.concurrency * SURE_BEFORE_V1 >= requests:
        return None
    return Limit(note("engine_before_v1", release=version), Verdict.MAYBE)


def _shared(share: float, devices: DeviceSet) -> Limit | None:
    """Whether the share of memory that is the system's as well may not be free when vLLM starts."""
    if devices.unnamed or not card_of(devices).device.shared or share <= SURELY_FREE:
        return None
    verdict = Verdict.NO if share > HARDLY_FREE else Verdict.MAYBE
    return Limit(note("share_of_unified", share=share, surely=SURELY_FREE), verdict)


def _limits(
    start: Served, spec: ModelSpec, requests: int, devices: DeviceSet, capacity: Capacity | None
) -> list[Limit]:
    found = start.found
    told_of: list[Limit] = []
    if capacity is not None and (few := fewer(capacity.each, requests)):
        told_of.append(few)
    if not devices.unnamed and (many := _too_many_sequences(start, devices)):
        told_of.append(many)
    if not devices.unnamed and (older := _before_v1(start, spec, requests)):
        told_of.append(older)
    if not devices.unnamed and start.settings.cache_bytes is not None:
        if missing := max(stage.missing for stage in found.stages):
            told_of.append(Limit(note("cache_beyond_memory", missing=missing), Verdict.NO))
        return told_of
    if shared := _shared(found.utilization, devices):
        told_of.append(shared)
    graphs = max(stage.graphs for stage in found.stages)
    rest = devices.visible - int(devices.visible * found.utilization)
    if not release(start.settings.version).graphs_counted and graphs > rest:
        told_of.append(Limit(note("graphs_outside_share", graphs=graphs, rest=rest), Verdict.MAYBE))
    return told_of
