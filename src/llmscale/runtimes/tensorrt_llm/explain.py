"""The formulas behind TensorRT-LLM's figures with the numbers put in, for ``--explain``."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.devices.sets import DeviceSet, counted
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.placed import CACHE, Placement
from llmscale.runtimes.subject import Exact
from llmscale.runtimes.tensorrt_llm.blocks import BLOCK
from llmscale.runtimes.tensorrt_llm.placement import started
from llmscale.runtimes.tensorrt_llm.settings import cache_share, parallel_of
from llmscale.runtimes.tensorrt_llm.startup import ALIVE, HIDDEN, INTERMEDIATE, STEP


def explain(subject: Exact, work: Workload, placed: Placement, devices: DeviceSet, release: str) -> Iterator[str]:
    """Blocks, step and overhead of a rank, then the sum that leaves so much for the blocks."""
    found, parallel = started(subject, work, devices), parallel_of(work)
    each, tokens, shape = -(-work.context // BLOCK), work.option("max_num_tokens") or STEP, subject.widths
    yield f"  weights on each rank = {max(found.loaded):,} bytes at the most (modelled: TensorRT-LLM {release})"
    yield (
        f"  KV cache = {work.batch} requests x {each:,} blocks of {BLOCK} tokens x {found.token.held:,} bytes on each "
        f"rank; {placed.of(CACHE).value:,} bytes on {parallel.devices} ({subject.basis.value}: TensorRT-LLM {release})"
    )
    yield (
        f"  compute = {tokens:,} tokens x {ALIVE} bytes x ({HIDDEN} x {shape.hidden:,} + {INTERMEDIATE} x "
        f"{shape.intermediate:,} / {parallel.tensor}) = {found.step:,} bytes on each rank (modelled: fitted to 24 "
        "starts on H100, tests/truth/tensorrt_llm.json)"
    )
    taken = found.besides
    yield (
        f"  overhead = {taken.counted:,} bytes on each rank, between {taken.least:,} and {taken.most:,} (assumed: the "
        "same starts, others on GB300 and one of another source)"
    )
    if devices.unnamed:
        return
    cache = found.cache
    yield (
        f"  {counted(devices.id, devices.count)}: TensorRT-LLM {release}, tensor {parallel.tensor}, pipeline "
        f"{parallel.pipeline}; on each device {cache.free:,} free x {cache_share(work):g} = {cache.blocks:,} blocks = "
        f"{cache.tokens:,} tokens, between {found.most.tokens:,} and {found.least.tokens:,} by the range of the "
        "overhead"
    )
