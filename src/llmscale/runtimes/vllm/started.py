"""vLLM's start on devices: how the ranks are laid out, what it is started with, what each rank then holds."""

from __future__ import annotations

from functools import lru_cache

from llmscale.devices.device import known
from llmscale.devices.sets import DeviceSet
from llmscale.devices.topology import link_between
from llmscale.errors import UnsupportedModelError, UsageError
from llmscale.formats.catalogue import number_format
from llmscale.model.prediction import predicting
from llmscale.records import NamedTuple
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.parallel.mxfp4 import MARLIN, Kernel
from llmscale.runtimes.parallel.paging import BLOCK
from llmscale.runtimes.parallel.planes import planes_of
from llmscale.runtimes.parallel.ranks import Parallel
from llmscale.runtimes.parallel.shards import PlaneBytes
from llmscale.runtimes.subject import Exact
from llmscale.runtimes.vllm.cache import kinds
from llmscale.runtimes.vllm.compressed import is_compressed
from llmscale.runtimes.vllm.formats import keeps_scratch, kernel_of
from llmscale.runtimes.vllm.gguf import KIND, planes_of_file
from llmscale.runtimes.vllm.loaded import weights_per_rank
from llmscale.runtimes.vllm.lora import adapters
from llmscale.runtimes.vllm.profile import DeviceTraits
from llmscale.runtimes.vllm.refusals import refuse_impossible
from llmscale.runtimes.vllm.releases import Batch, release
from llmscale.runtimes.vllm.speculation import speculated
from llmscale.runtimes.vllm.startup import Card, StartPlan, Startup, VllmSettings, limits, on, planned
from llmscale.units import GIB

#: Bytes of an element of a cache (``CacheDType`` in vllm/config/cache.py); FP32 with ``--dtype float32`` alone.
CACHE_BYTES = {"fp16": 2, "bf16": 2, "fp8": 1}
#: Bytes of an element of a recurrent state by what a config says (``MambaDType`` there).
STATE_BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}
#: A device of which nothing is known takes the limits of a small one.
SMALL = 24 * GIB
#: Compute capabilities that fused and symmetric all-reduce are made for.
LINKED = (9.0, 10.0, 10.3)
#: What the driver's name of a device has in it that has default limits of its own: vLLM itself goes by that name
#: (``get_batch_defaults`` in ``vllm/engine/arg_utils.py``).
A100, GB10 = "a100", "gb10"


class Served(NamedTuple):
    """A start that vLLM accepts."""

    settings: VllmSettings
    found: Startup


def cache_bytes(work: Workload) -> int:
    """Bytes of an element of K and V.

    Raises:
        UsageError: a cache that vLLM does not have.
    """
    if work.kv_v is not None:
        raise UsageError("vLLM keeps K and V in the same format.", "Name one, for example --kv-dtype fp8.")
    have = CACHE_BYTES | ({"fp32": 4} if work.activation_bytes == 4 else {})
    if work.kv.id not in have:
        raise UsageError(f"vLLM keeps no cache in {work.kv.name}.", f"One of: {', '.join(have)}.")
    return have[work.kv.id]


def in_own_format(subject: Exact, work: Workload) -> Workload:
    """`work` with the cache in the one format that vLLM keeps the model's in: DeepSeek V4's in FP8 (`compressed`)."""
    return work._replace(kv=number_format("fp8"), kv_v=None) if is_compressed(subject.spec) else work


def parallel_of(work: Workload) -> Parallel:
    """How a settled workload lays out the ranks."""
    tensor, pipeline, data = (work.option(name) or 1 for name in ("tp", "pp", "dp"))
    return Parallel(tensor, pipeline, data, bool(work.option("ep")))


def laid_out(subject: Exact, work: Workload, devices: DeviceSet) -> Parallel:
    """The layout of ranks that vLLM accepts on `devices`, the best of those that the options leave.

    Raises:
        UsageError: more ranks than devices, or what vLLM refuses.
    """
    refused: UsageError | None = None
    for parallel in layouts(work, devices.count, subject.spec.layers):
        try:
            refuse_impossible(subject.spec, parallel)
            _refuse_cut_groups(subject, parallel)
            return parallel
        except UsageError as error:
            refused = refused or error
    raise refused or UsageError(f"vLLM cannot lay out {subject.spec.name} on {devices.count} devices.")


@lru_cache(maxsize=1024)
def _refuse_cut_groups(subject: Exact, parallel: Parallel) -> None:
    if parallel.tensor > 1:
        weights_per_rank(subject.spec, _planes(subject, MARLIN), parallel, 0)


def layouts(work: Workload, count: int, layers: int) -> list[Parallel]:
    """How the ranks may be laid out on `count` devices, best first.

    What is named holds. Without ``--tp`` and ``--pp`` the devices are all ranks of one tensor; where vLLM refuses that,
    of the largest that it accepts, and the rest are pipeline stages.
    """
    tensor, pipeline = work.option("tp"), work.option("pp")
    data, experts = work.option("dp") or 1, bool(work.option("ep"))
    ranks = (tensor or 1) * (pipeline or 1) * data
    if ranks > count:
        raise UsageError(
            f"--tp, --pp and --dp ask for {ranks} devices, and {count} are named.", f"For example --gpu '{ranks}x ...'."
        )
    if tensor:
        return [Parallel(tensor, pipeline or 1, data, experts)]
    each = count // data
    if pipeline:
        return [Parallel(size, pipeline, data, experts) for size in range(each // pipeline, 0, -1)]
    return [
        Parallel(size, each // size, data, experts)
        for size in range(each, 0, -1)
        if each % size == 0 and each // size <= max(1, layers)
    ]


def settings_of(subject: Exact, work: Workload, version: str) -> VllmSettings:
    """What ``vllm serve`` is started with.

    Raises:
        UsageError: a cache that vLLM does not have.
    """
    return VllmSettings(
        context=work.context,
        parallel=parallel_of(work),
        utilization=work.option("gpu_memory_utilization"),
        max_num_seqs=work.option("max_num_seqs"),
        max_num_batched_tokens=work.option("max_num_batched_tokens"),
        kv_bytes=cache_bytes(work),
        state_bytes=STATE_BYTES.get(subject.spec.state_dtype, work.activation_bytes),
        element_bytes=work.activation_bytes,
        eager=bool(work.option("enforce_eager")),
        prefix_caching=work.option("prefix_caching"),
        expert_scratch=keeps_scratch(subject.quant, tuple(subject.inventory.groups)),
        version=version,
        block_size=int(work.option("block_size") or BLOCK),
        adapters=adapters(work),
        cache_bytes=work.option("kv_cache_memory_bytes"),
        offloaded=(work.option("cpu_offload_gb") or 0) * GIB,
        speculated=speculated(work),
    )


def started(subject: Exact, work: Workload, devices: DeviceSet, version: str) -> Served | None:
    """vLLM's start on `devices`; None where its cache is not modelled, and for models that cache nothing.

    Raises:
        UsageError: what vLLM refuses.
        UnsupportedModelError: a model that has no layer to speculate with.
    """
    settings, card = settings_of(subject, work, version), card_of(devices)
    if settings.speculated:
        predicting(subject.spec)
    if not _caches(subject, settings):
        return None
    # The limits of a step are a small device's where none is named.
    batch = limits(card._replace(memory=SMALL) if devices.unnamed else card, settings)
    try:
        plan = _plan(subject, card.device, settings._replace(utilization=None, cache_bytes=None), batch)
    except UnsupportedModelError:
        return None
    return Served(settings, on(plan, card, settings))


def _caches(subject: Exact, settings: VllmSettings) -> bool:
    try:
        return bool(
            kinds(subject.spec, settings.parallel, kv_bytes=settings.kv_bytes, state_bytes=settings.state_bytes)
        )
    except UnsupportedModelError:
        return False


@lru_cache(maxsize=4096)
def _plan(subject: Exact, device: DeviceTraits, settings: VllmSettings, batch: Batch) -> StartPlan:
    """What many devices of a kind are held against: a start without their memory."""
    kernel = kernel_of(subject.spec, subject.quant, device, release(settings.version))
    return planned(subject.spec, _planes(subject, kernel), device, settings, batch)


@lru_cache(maxsize=1024)
def _planes(subject: Exact, kernel: Kernel) -> PlaneBytes:
    return planes_of_file(subject) if subject.quant.kind == KIND else planes_of(subject.quant, kernel)


def card_of(devices: DeviceSet) -> Card:
    """One device as vLLM sees it; a bare size is taken for an H100, unlike devices for the oldest of them.

    The limits of a step are those of the first.
    """
    found = [device for device in map(known, dict.fromkeys(kind.id for kind in devices.kinds)) if device]
    if not found:
        return Card(devices.visible)
    oldest = min(device.compute_capability or 0 for device in found)
    linked = oldest in LINKED and link_between(devices).kind == "switch"
    first = found[0].driver_name.lower()
    # CUDA's free memory is then the system's, which other programs and the cache of files take from as well.
    shared = any(device.kind == "unified" and device.vendor == "NVIDIA" for device in found)
    traits = DeviceTraits(capability=oldest, linked=linked, shared=shared)
    return Card(devices.visible, traits, A100 in first, GB10 in first)
