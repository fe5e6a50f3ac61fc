"""Where SGLang puts a model: ranks of one tensor, the pools, and what is left of them.

The budget of a device is what ``--mem-fraction-static`` gives to weights and pools, and what is taken before: the CUDA
context and the process group. The rest is left free for activations and CUDA graphs, by a rule and not by measure.
"""

from __future__ import annotations

from functools import lru_cache

from llmscale.devices.sets import DeviceSet
from llmscale.devices.topology import link_between
from llmscale.errors import UnsupportedModelError, UsageError
from llmscale.formats.catalogue import quant
from llmscale.notes import note
from llmscale.runtimes.general import Memory, spread
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.parallel.check import undivided
from llmscale.runtimes.parallel.planes import planes_of
from llmscale.runtimes.parallel.published import PLAIN
from llmscale.runtimes.parallel.ranks import Parallel
from llmscale.runtimes.parallel.requests import fewer
from llmscale.runtimes.placed import (
    CACHE,
    OVERHEAD,
    STATE,
    WEIGHTS,
    Capacity,
    Limit,
    Placement,
    Usage,
    Verdict,
    modelled,
)
from llmscale.runtimes.sglang.info import INFO
from llmscale.runtimes.sglang.launch import TORCHAO
from llmscale.runtimes.sglang.loaded import IMAGE_CACHE, loaded_bytes, vision
from llmscale.runtimes.sglang.startup import SglangSettings, Started, default_of, outside, start
from llmscale.runtimes.subject import Exact
from llmscale.units import GIB

#: Bytes of an element of a cache (``--kv-cache-dtype``).
CACHE_BYTES = {"fp16": 2, "bf16": 2, "fp8": 1}
#: A device of which nothing is known takes the defaults of a small one.
SMALL = 24 * GIB
#: What links the devices whose process groups were seen to take more.
NVLINK = "NVLink"


def cache_bytes(work: Workload) -> int:
    """Bytes of an element of K and V.

    Raises:
        UsageError: a cache that SGLang does not have, or that is not modelled.
    """
    if work.kv_v is not None:
        raise UsageError("SGLang keeps K and V in the same format.", "Name one, for example --kv-dtype fp8.")
    if work.kv.id not in CACHE_BYTES:
        raise UsageError(f"No cache of SGLang in {work.kv.name} is modelled.", f"One of: {', '.join(CACHE_BYTES)}.")
    return CACHE_BYTES[work.kv.id]


def ranks_of(subject: Exact, work: Workload, devices: DeviceSet) -> int:
    """Ranks of one tensor: as named, else as many devices as divide its heads.

    Raises:
        UsageError: more ranks than devices, or what SGLang refuses.
    """
    asked, count = work.option("tp"), devices.count
    if asked and asked > count:
        raise UsageError(f"--tp asks for {asked} devices, and {count} are named.", f"For example --gpu '{asked}x ...'.")
    possible = [asked] if asked else [number for number in range(count, 0, -1) if count % number == 0]
    accepted = [tensor for tensor in possible if undivided(subject.spec, Parallel(tensor)) is None]
    return int((accepted or possible)[0])


def settings_of(work: Workload, devices: DeviceSet, version: str) -> SglangSettings:
    """What ``sglang.launch_server`` is started with, for a settled workload."""
    return SglangSettings(
        context=work.context,
        tensor=work.option("tp") or 1,
        fraction=work.option("mem_fraction_static"),
        chunk=work.option("chunked_prefill_size"),
        max_requests=work.option("max_running_requests"),
        kv_bytes=cache_bytes(work),
        nvlink=link_between(devices).name == NVLINK,
        version=version,
    )


@lru_cache(maxsize=4096)
def _start(subject: Exact, memory: int, visible: int, settings: SglangSettings) -> Started:
    return start(subject.spec, planes_of(subject.quant), memory, visible, settings)


def started(subject: Exact, work: Workload, devices: DeviceSet, version: str) -> Started | None:
    """SGLang's start on `devices`; None where its cache is not modelled.

    Raises:
        UsageError: what SGLang refuses.
    """
    memory = SMALL if devices.unnamed else devices.each
    try:
        return _start(subject, memory, devices.visible, settings_of(work, devices, version))
    except UnsupportedModelError:
        return None


def budget(work: Workload, devices: DeviceSet, version: str, subject: Exact | None = None) -> int:
    """Bytes of a device for weights, pools, and what is taken before them."""
    settings = settings_of(work, devices, version)
    spec = subject.spec if subject else None
    default = default_of(spec, SMALL if devices.unnamed else devices.each, settings).fraction
    # Of a small device SGLang would keep more free than there is.
    fraction = max(0.0, default) if settings.fraction is None else settings.fraction
    taken = outside(settings)
    return taken + int(max(0, devices.visible - taken) * fraction)


def _short_of_16_bits(subject: Exact, settings: SglangSettings, free: int) -> Limit | None:
    """What is quantised only once it is loaded has to fit before that as well, on the whole device."""
    if subject.quant.id not in TORCHAO:
        return None
    before = loaded_bytes(subject.spec, planes_of(quant(PLAIN[0])), settings.tensor)
    if before <= free:
        return None
    return Limit(note("loaded_in_16_bits", before=before, free=free), Verdict.NO)


def rank_of(found: Started, work: Workload, budget: int, taken: int) -> Usage:
    """A rank that serves `work`.

    Args:
        taken: bytes of it besides weights and pools.
    """
    cell = found.cell
    sizes = (
        (WEIGHTS, found.loaded),
        (CACHE, int(work.batch * work.context * cell.pooled)),
        (STATE, (work.batch * cell.slots + 1) * cell.state if cell.state else 0),
        (OVERHEAD, taken),
    )
    return Usage(budget, modelled(sizes))


def capacity_of(found: Started) -> Capacity:
    """What the pools hold."""
    return Capacity(found.pools.tokens if found.cell.pooled else None, found.concurrency, found.pools.bytes)


def place(subject: Exact, work: Workload, devices: DeviceSet, version: str, rule: Memory) -> Placement:
    """The ranks on `devices`.

    Args:
        rule: what stands for a model whose cache is not modelled.

    Raises:
        UsageError: what SGLang refuses.
    """
    found, settings = started(subject, work, devices, version), settings_of(work, devices, version)
    each = budget(work, devices, version, subject)
    if found is None:
        told = note("general_rule", runtime=INFO.title, model=subject.spec.name)
        return spread(rule, (each,) * devices.count, (0,) * devices.count)._replace(notes=(told,))
    rank = rank_of(found, work, each, outside(settings) + (IMAGE_CACHE if vision(subject.spec) else 0))
    unused = [Usage(each)] * (devices.count - settings.tensor)
    limits, capacity = [], None
    if not devices.unnamed:
        capacity = capacity_of(found)
        if few := fewer(found.concurrency, work.batch):
            limits.append(few)
        if short := _short_of_16_bits(subject, settings, found.free):
            limits.append(short)
    return Placement((*[rank] * settings.tensor, *unused), capacity=capacity, limits=tuple(limits))
