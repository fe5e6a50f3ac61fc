"""What the options of TensorRT-LLM mean: ranks and stages, the share of the cache and its format.

Read in TensorRT-LLM 1.2.0rc2 and after: ``tensorrt_llm/commands/serve.py``, ``_torch/pyexecutor/resource_manager.py``.
"""

from __future__ import annotations

from llmscale.devices.sets import DeviceSet
from llmscale.errors import UsageError
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.parallel.check import most_ranks, refuse_undivided
from llmscale.runtimes.parallel.ranks import Parallel
from llmscale.runtimes.subject import Exact
from llmscale.runtimes.tensorrt_llm.startup import SHARE

#: Bits of an element of a cache by its format.
CACHE_BITS = {"fp16": 16, "bf16": 16, "fp8": 8}
#: What is said, and what to try, of each thing that ranks cannot share.
WORDS = {
    "heads": ("{number} heads cannot be dealt out to --tp_size {ranks}.", "Take a --tp_size that divides them."),
    "kv_heads": (
        "{number} KV heads can neither be divided over nor repeated on --tp_size {ranks}.",
        "Take a --tp_size that divides them or is a multiple of them.",
    ),
}


def cache_bits(work: Workload) -> int:
    """Bits of an element of the cache.

    Raises:
        UsageError: a cache that TensorRT-LLM does not have, or whose size is not modelled.
    """
    if work.kv_v is not None:
        raise UsageError("TensorRT-LLM keeps K and V in the same format.", "Name one, for example --kv-dtype fp8.")
    if work.kv.id not in CACHE_BITS:
        raise UsageError(
            f"A cache of TensorRT-LLM in {work.kv.name} is not modelled.", f"One of: {', '.join(CACHE_BITS)}."
        )
    return CACHE_BITS[work.kv.id]


def cache_share(work: Workload) -> float:
    """Of what is free, what the cache takes.

    Raises:
        UsageError: all of it.
    """
    share = float(work.option("free_gpu_memory_fraction") or SHARE)
    if share >= 1:
        raise UsageError(
            f"--kv_cache_free_gpu_memory_fraction {share:g} must be smaller than 1.0.",
            f"{SHARE:g} is what it takes by itself.",
        )
    return share


def parallel_of(work: Workload) -> Parallel:
    """The ranks of a settled workload; whole experts are dealt out where each rank has its own."""
    tensor = work.option("tp") or 1
    experts = work.option("ep_size") or 1
    return Parallel(tensor, work.option("pp") or 1, experts=experts == tensor > 1)


def settled(subject: Exact, work: Workload, devices: DeviceSet) -> Workload:
    """`work` with its ranks: as named, else the largest power of two of the devices that divides the heads.

    Raises:
        UsageError: more ranks than devices, or what the model does not divide into.
    """
    stages, count, asked = work.option("pp") or 1, devices.count, work.option("tp")
    if (wanted := (asked or 1) * stages) > count:
        raise UsageError(
            f"--tp_size {asked or 1} and --pp_size {stages} ask for {wanted} devices, and {count} are named.",
            "For example --gpu '8x h100'.",
        )
    if subject.spec.layers % stages:
        raise UsageError(
            f"{subject.spec.layers} layers in {stages} unlike stages are not modelled.",
            "Take a --pp_size that divides them.",
        )
    if asked:
        refuse_undivided(subject.spec, Parallel(asked, stages), WORDS)
    tensor = asked or most_ranks(subject.spec, count // stages)
    experts = work.option("ep_size")
    if experts and tensor % experts:
        raise UsageError(
            f"--ep_size {experts} does not divide --tp_size {tensor}.", "Experts are dealt out among the tensor ranks."
        )
    return work.with_options(tp=tensor if tensor > 1 else None)
