"""The formulas behind llama.cpp's figures with the numbers put in, for ``--explain``."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.devices.sets import DeviceSet
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.llama_cpp.asked import settings_of
from llmscale.runtimes.llama_cpp.companions import companions
from llmscale.runtimes.llama_cpp.process import CONTEXT, KERNELS, MIDDLE, THREAD, WORKSPACE, explain_process, pool
from llmscale.runtimes.llama_cpp.simulate import activations, facts
from llmscale.runtimes.llama_cpp.simulator.cells import CELLS, cells
from llmscale.runtimes.placed import CACHE, COMPUTE, OVERHEAD, STATE, Placement
from llmscale.runtimes.subject import Exact


def explain(subject: Exact, work: Workload, placed: Placement, devices: DeviceSet, release: str) -> Iterator[str]:
    """One line a part, then one for each companion, then one for each kind of device."""
    known, settings = facts(subject.spec), settings_of(work)
    count = cells(known, settings).full
    basis = subject.basis.value
    yield (
        f"  KV cache = {placed.of(CACHE).value:,} bytes: {sum(any(layer.cached()) for layer in known.layers)} "
        f"layers, {settings.streams} streams x {count:,} cells (a multiple of {CELLS}), windows fewer, K in "
        f"{settings.type_k}, V in {settings.type_v} ({basis}: llama.cpp {release})"
    )
    if state := placed.of(STATE).value:
        yield f"  state = {state:,} bytes for {work.batch} sequences ({basis}: llama.cpp {release})"
    yield (
        f"  compute = {placed.of(COMPUTE, host=False).value:,} bytes on devices, {placed.of(COMPUTE).value:,} with "
        f"host memory: its graph allocator, simulated for steps of {settings.ubatch:,} tokens (modelled: llama.cpp "
        f"{release})"
    )
    if devices.host:
        yield "  overhead: what the process takes besides its buffers was not measured, and is not counted"
        return
    kept = pool(activations(known), min(settings.n_ctx, settings.n_ubatch))
    yield (
        f"  overhead = {placed.of(OVERHEAD).value:,} bytes of the process besides; on a middling NVIDIA card "
        f"{CONTEXT:,} of context + {THREAD:,} x {MIDDLE.threads:,} threads that its chip holds, {KERNELS:,} of "
        f"kernels, {WORKSPACE:,} of cuBLAS, a pool of {kept:,} for a step; a card that is named has its own "
        "(modelled: fitted to public logs of Linux; Windows keeps 0.8 to 1.7 GiB from a process)"
    )
    for other in companions(subject, work):
        yield other.explain(work, release)
    if not devices.unnamed:
        yield from explain_process(devices)
