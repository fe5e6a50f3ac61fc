"""Where TurboMind puts a model: ranks of one tensor, the blocks of the requests asked for, and what is left of them.

The budget of a device is what is taken before the cache is made and the cache. The rest is left free for what a step
computes with, by an author's formula and not by measure.
"""

from __future__ import annotations

from functools import lru_cache

from llmscale.devices.device import known
from llmscale.devices.sets import DeviceSet
from llmscale.errors import UsageError
from llmscale.notes import Note, note
from llmscale.records import NamedTuple
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.lmdeploy.blocks import BLOCK, block_bytes
from llmscale.runtimes.lmdeploy.releases import release
from llmscale.runtimes.lmdeploy.startup import BESIDES, LEAST, MOST, PREFILL, SHARE, cache_of, step_bytes
from llmscale.runtimes.lmdeploy.weights import loaded_bytes
from llmscale.runtimes.parallel.check import most_ranks, refuse_undivided
from llmscale.runtimes.parallel.free_share import Besides, Cache, usage
from llmscale.runtimes.parallel.ranks import Parallel
from llmscale.runtimes.parallel.requests import perhaps_fewer
from llmscale.runtimes.placed import Capacity, Limit, Placement, Usage, Verdict
from llmscale.runtimes.subject import Exact

#: Bits of an element of a cache, and ``--quant-policy`` by the format that it makes of it.
CACHE_BITS, POLICY = {"fp16": 16, "bf16": 16, "int8": 8, "int4": 4}, {"int8": "8", "int4": "4"}
#: What is said, and what to try, of each thing that ranks cannot share.
WORDS = {
    "heads": ("{number} heads cannot be dealt out to --tp {ranks}.", "Take a --tp that divides them."),
    "kv_heads": (
        "{number} KV heads can neither be divided over nor repeated on --tp {ranks}.",
        "Take a --tp that divides them or is a multiple of them.",
    ),
    "layers": ("{number} layers cannot be dealt out to {ranks} stages.", ""),
}


class Started(NamedTuple):
    """One rank.

    Attributes:
        loaded: bytes that loading takes.
        sequences: those that run at once, however short.
        cache, least, most: by what is taken besides the weights, as counted, at the least and at the most.
    """

    loaded: int
    block: int
    sequences: int
    cache: Cache
    least: Cache
    most: Cache

    def requests(self, cache: Cache, context: int) -> float:
        """Requests of `context` tokens that run at once of those that `cache` holds."""
        return min(cache.requests(context), float(self.sequences))


def cache_bits(work: Workload) -> int:
    """Bits of an element of K and V.

    Raises:
        UsageError: a cache that TurboMind does not have.
    """
    if work.kv_v is not None:
        raise UsageError("TurboMind keeps K and V in the same format.", "Name one, for example --kv-dtype int8.")
    if work.kv.id not in CACHE_BITS:
        raise UsageError(f"TurboMind keeps no cache in {work.kv.name}.", f"One of: {', '.join(CACHE_BITS)}.")
    return CACHE_BITS[work.kv.id]


def cache_share(work: Workload) -> float:
    """Of what is free, what the cache takes.

    Raises:
        UsageError: all of it, which TurboMind takes for a number of blocks or refuses.
    """
    share = float(work.option("cache_max_entry_count") or SHARE)
    if share >= 1:
        raise UsageError(f"--cache-max-entry-count {share:g} is no share of memory.", f"Below 1; {SHARE:g} is usual.")
    return share


def ranks_of(subject: Exact, work: Workload, devices: DeviceSet) -> int:
    """Ranks of one tensor: as named, else the largest power of two of devices that divides its heads.

    Raises:
        UsageError: more ranks than devices, or what the heads do not divide into.
    """
    asked, count = work.option("tp"), devices.count
    if asked and asked > count:
        raise UsageError(f"--tp asks for {asked} devices, and {count} are named.", f"For example --gpu '{asked}x ...'.")
    if asked:
        refuse_undivided(subject.spec, Parallel(asked), WORDS)
        return int(asked)
    return most_ranks(subject.spec, count)


def sequences_of(work: Workload, devices: DeviceSet, version: str) -> int:
    """Sequences that run at once: as named, else what the name of the card has in it decides."""
    rules = release(version)
    if asked := work.option("max_batch_size"):
        return int(asked)
    names = [card.driver_name or card.name for kind in devices.kinds if (card := known(kind.id))]
    first = names[0].lower() if names else ""
    return next((size for part, size in rules.batches.items() if part in first), rules.other_batch)


@lru_cache(maxsize=4096)
def _held(subject: Exact, tensor: int, bits: int, capability: float | None) -> tuple[int, int]:
    """Bytes that loading takes of a rank, and those of a block."""
    loaded = loaded_bytes(subject.spec, subject.quant, tensor, capability)
    return loaded, block_bytes(subject.spec, tensor, bits)


def started(subject: Exact, work: Workload, devices: DeviceSet, version: str) -> Started:
    """TurboMind's start on `devices`, for a settled workload.

    Raises:
        UsageError, UnsupportedModelError: what it refuses, and what is not modelled.
    """
    capabilities = [card.compute_capability for kind in devices.kinds if (card := known(kind.id))]
    tensor, share = work.option("tp") or 1, cache_share(work)
    loaded, block = _held(subject, tensor, cache_bits(work), capabilities[0] if capabilities else None)
    slabs = release(version).slabs
    caches = [
        cache_of(devices.visible, loaded + besides, share, block, slabs=slabs) for besides in (BESIDES, LEAST, MOST)
    ]
    return Started(loaded, block, sequences_of(work, devices, version), *caches)


def place(subject: Exact, work: Workload, devices: DeviceSet, version: str) -> Placement:
    """The ranks on `devices`.

    Raises:
        UsageError, UnsupportedModelError: what TurboMind refuses, and what is not modelled.
    """
    found, tensor = started(subject, work, devices, version), work.option("tp") or 1
    asked = work.batch * -(-work.context // BLOCK) * found.block
    taken = Besides(BESIDES, LEAST, MOST)
    rank = usage(devices.visible, found.cache, cache_share(work), taken, weights=found.loaded, asked=asked)
    ranks = (*[rank] * tensor, *[Usage(rank.budget)] * (devices.count - tensor))
    if devices.unnamed:
        return Placement(ranks)
    requests = found.requests(found.cache, work.context)
    capacity = Capacity(found.cache.tokens, requests, found.cache.blocks * found.block)
    told = note("lmdeploy_range", counted=BESIDES, least=LEAST, most=MOST)
    limits = tuple(limit for limit in (_requests(found, work), _step(subject, found, work)) if limit)
    return Placement(ranks, capacity=capacity, limits=limits, notes=(told,))


def _requests(found: Started, work: Workload) -> Limit | None:
    """Whether fewer requests run at once than are asked for, or may."""
    perhaps, surely, counted = (found.requests(one, work.context) for one in (found.least, found.most, found.cache))
    return perhaps_fewer(surely, counted, perhaps, work.batch)


def _step(subject: Exact, found: Started, work: Workload) -> Limit | None:
    """Whether a step may not find room in what the cache leaves."""
    tokens = (work.option("max_prefill_token_num") or PREFILL) + found.sequences
    step = step_bytes(subject.widths, tokens, work.option("tp") or 1)
    if step <= found.cache.rest or found.cache.free <= 0:
        return None
    told: Note = note("step_beyond_rest", tokens=tokens, step=step, rest=found.cache.rest)
    return Limit(told, Verdict.MAYBE)
