"""Where TensorRT-LLM puts a model: stages of ranks of one tensor, the blocks of the requests asked for, and the rest.

The budget of a device is what the peak of the start leaves no room beside, and the cache; what the cache leaves of the
rest by ``free_gpu_memory_fraction`` is not usable. All ranks have as many blocks as the one that has the fewest.
"""

from __future__ import annotations

from functools import lru_cache

from llmscale.devices.device import Device, known
from llmscale.devices.sets import DeviceSet
from llmscale.notes import note
from llmscale.records import NamedTuple
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.parallel.free_share import Besides, Cache, usage
from llmscale.runtimes.parallel.ranks import Parallel
from llmscale.runtimes.parallel.requests import perhaps_fewer
from llmscale.runtimes.placed import Capacity, Limit, Placement, Usage, Verdict
from llmscale.runtimes.subject import Exact
from llmscale.runtimes.tensorrt_llm.blocks import BLOCK, TokenBytes, token_bytes
from llmscale.runtimes.tensorrt_llm.settings import cache_bits, cache_share, parallel_of
from llmscale.runtimes.tensorrt_llm.startup import SEQUENCES, STEP, besides, cache_of, step_bytes
from llmscale.runtimes.tensorrt_llm.weights import loaded_bytes

#: Devices whose GPU shares its memory with the processor.
UNIFIED = "unified"


class Started(NamedTuple):
    """The ranks after the start.

    Attributes:
        loaded: bytes that loading takes of a rank, by stage.
        token: bytes of a token on each.
        step: bytes that a step computes with.
        besides: what else is taken.
        caches: by stage, as counted; blocks are those of the stage that has the fewest.
        least, most: blocks by what is taken at the least and at the most.
    """

    loaded: tuple[int, ...]
    token: TokenBytes
    step: int
    besides: Besides
    caches: tuple[Cache, ...]
    least: Cache
    most: Cache

    @property
    def cache(self) -> Cache:
        """That of the stage that has the fewest blocks."""
        return min(self.caches, key=lambda one: one.blocks)


def cards(devices: DeviceSet) -> tuple[Device, ...]:
    """The devices of a set that the catalogue knows, one of each kind."""
    return tuple(card for kind in devices.kinds if (card := known(kind.id)))


def sequences_of(work: Workload) -> int:
    """Sequences that run at once, however short."""
    return int(work.option("max_batch_size") or SEQUENCES)


@lru_cache(maxsize=4096)
def _held(
    subject: Exact, parallel: Parallel, bits: int, capability: float | None
) -> tuple[tuple[int, ...], TokenBytes]:
    """Bytes that loading takes of a rank, by stage, and those of a token."""
    stages = range(parallel.pipeline)
    loaded = tuple(loaded_bytes(subject.spec, subject.quant, parallel, stage, capability) for stage in stages)
    return loaded, token_bytes(subject.spec, parallel.tensor, parallel.pipeline, bits)


def started(subject: Exact, work: Workload, devices: DeviceSet) -> Started:
    """TensorRT-LLM's start on `devices`, for a settled workload.

    Raises:
        UsageError, UnsupportedModelError: what it refuses, and what is not modelled.
    """
    parallel, share = parallel_of(work), cache_share(work)
    capabilities = [card.compute_capability for card in cards(devices)]
    capability = capabilities[0] if capabilities else None
    loaded, token = _held(subject, parallel, cache_bits(work), capability)
    step = step_bytes(subject.widths, work.option("max_num_tokens") or STEP, parallel.tensor)
    taken = besides(parallel.tensor * parallel.pipeline, capability)

    def stages(each: int) -> tuple[Cache, ...]:
        return tuple(cache_of(devices.visible, one, each, step, share, token) for one in loaded)

    fewest = [min(stages(each), key=lambda one: one.blocks) for each in (taken.least, taken.most)]
    return Started(loaded, token, step, taken, stages(taken.counted), *fewest)


def place(subject: Exact, work: Workload, devices: DeviceSet) -> Placement:
    """The ranks on `devices`.

    Raises:
        UsageError, UnsupportedModelError: what TensorRT-LLM refuses, and what is not modelled.
    """
    found, tensor, share = started(subject, work, devices), parallel_of(work).tensor, cache_share(work)
    asked = work.batch * -(-work.context // BLOCK) * BLOCK * found.token.held
    ranks: list[Usage] = []
    for loaded, cache in zip(found.loaded, found.caches, strict=True):
        rank = usage(devices.visible, cache, share, found.besides, weights=loaded, asked=asked, step=found.step)
        ranks += [rank] * tensor
    ranks += [Usage(devices.visible)] * (devices.count - len(ranks))
    if devices.unnamed:
        return Placement(tuple(ranks))
    cache, most = found.cache, sequences_of(work)
    capacity = Capacity(cache.tokens, cache.requests(work.context), cache.tokens * found.token.held, most=float(most))
    taken = found.besides
    told = note("tensorrt_llm_range", counted=taken.counted, least=taken.least, most=taken.most)
    limits = tuple(limit for limit in (_requests(found, work), _shared_memory(devices)) if limit)
    return Placement(tuple(ranks), capacity=capacity, limits=limits, notes=(told,))


def _requests(found: Started, work: Workload) -> Limit | None:
    """Whether fewer requests run at once than are asked for, or may."""
    most = sequences_of(work)
    perhaps, surely, counted = (min(one.requests(work.context), most) for one in (found.least, found.most, found.cache))
    return perhaps_fewer(surely, counted, perhaps, work.batch)


def _shared_memory(devices: DeviceSet) -> Limit | None:
    """Where the processor's memory is the GPU's, what loading left in the page cache counts as taken."""
    if any(card.kind == UNIFIED for card in cards(devices)):
        return Limit(note("page_cache_counts", runtime="TensorRT-LLM"), Verdict.MAYBE)
    return None
