"""The formulas behind LMDeploy's figures with the numbers put in, for ``--explain``."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.devices.sets import DeviceSet, counted
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.lmdeploy.blocks import BLOCK
from llmscale.runtimes.lmdeploy.placement import cache_share, started
from llmscale.runtimes.lmdeploy.startup import BESIDES, LEAST, MOST, PREFILL, step_bytes
from llmscale.runtimes.placed import CACHE, Placement
from llmscale.runtimes.subject import Exact


def explain(subject: Exact, work: Workload, placed: Placement, devices: DeviceSet, release: str) -> Iterator[str]:
    """Blocks and overhead of a rank, then the sum that leaves so much for them."""
    found, ranks = started(subject, work, devices, release), work.option("tp") or 1
    each = -(-work.context // BLOCK)
    yield f"  weights on each rank = {found.loaded:,} bytes as TurboMind holds them (modelled: LMDeploy {release})"
    yield (
        f"  KV cache = {work.batch} requests x {each:,} blocks of {BLOCK} tokens x {found.block:,} bytes on each rank; "
        f"{placed.of(CACHE).value:,} bytes on {ranks} ({subject.basis.value}: LMDeploy {release})"
    )
    yield (
        f"  overhead = {BESIDES:,} bytes besides weights when the cache is made, between {LEAST:,} and {MOST:,} "
        "(assumed: two starts, tests/truth/lmdeploy.json)"
    )
    if devices.unnamed:
        return
    cache, share = found.cache, cache_share(work)
    tokens = (work.option("max_prefill_token_num") or PREFILL) + found.sequences
    step = step_bytes(subject.widths, tokens, ranks)
    yield (
        f"  {counted(devices.id, devices.count)}: LMDeploy {release}, tensor {ranks}; on each device {cache.free:,} "
        f"free x {share:g} = {cache.blocks:,} blocks = {cache.tokens:,} tokens, between {found.most.tokens:,} and "
        f"{found.least.tokens:,} by the range of the overhead; of {cache.rest:,} bytes that are left a step of "
        f"{tokens:,} tokens takes {step:,} (modelled: github.com/InternLM/lmdeploy, issue 730)"
    )
