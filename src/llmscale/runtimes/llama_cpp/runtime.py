"""llama.cpp as a runtime: all layers on one CUDA device, as llama-server starts with ``-ngl 99`` and its defaults.

Where the tensors are at hand the figures are those of the simulated allocator (`buffers`); for a catalogue model whose
`Sketch` was compiled the cache is the same to the byte and the compute buffer lies on a line between the contexts that
were simulated; of a bare size's peers likewise. What has no graph (encoders of images) takes the general rule.

The process besides is that of `process`: of a device that is named its own, else that of a middling one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from llmscale.runtimes.general import General
from llmscale.runtimes.interface import Subject, Workload
from llmscale.runtimes.llama_cpp.process import CONTEXT, KERNELS, MIDDLE, THREAD, WORKSPACE, beyond, fixed, pool

if TYPE_CHECKING:
    from llmscale.devices.sets import DeviceSet
    from llmscale.runtimes.llama_cpp.simulator.buffers import Buffers

#: Whose sources the figures follow.
COMMIT = "0c1e57098"
#: Cells come in multiples of this, and so many tokens are computed at once by default (`cells`).
CELLS, UBATCH = 256, 512


class LlamaCpp:
    """See the module."""

    name = "llama.cpp"
    grain = CELLS

    def __init__(self) -> None:
        self._general = General(self.name)

    def room(self, devices: DeviceSet, work: Workload) -> int:
        return devices.usable

    def cache(self, subject: Subject, work: Workload) -> int:
        if subject.spec:
            return _taken(subject, work).cache[0]
        sketch = subject.shape.llama_cpp
        if sketch is None:
            return self._general.cache(subject, work)
        k, v = work.kv, work.value_format
        full = -(-work.context // CELLS) * CELLS
        ubatch = work.options.ubatch or UBATCH
        some = min(full, -(-(sketch.window + min(ubatch, work.context)) // CELLS) * CELLS)
        return work.batch * sum(
            layers * (some if windowed else full) * (k.row(keys) + v.row(values))
            for layers, keys, values, windowed in sketch.cells
        )

    def state(self, subject: Subject, work: Workload) -> int:
        if subject.spec:
            return _taken(subject, work).state[0]
        sketch = subject.shape.llama_cpp
        return self._general.state(subject, work) if sketch is None else work.batch * sketch.state

    def compute(self, subject: Subject, work: Workload) -> int:
        if subject.spec:
            return _taken(subject, work).compute[0]
        sketch = subject.shape.llama_cpp
        if sketch is None:
            return self._general.compute(subject, work)
        return between(sketch.compute, work.context * work.batch)

    def overhead(self, subject: Subject, work: Workload) -> int:
        return fixed(MIDDLE) + _pool(subject, work)

    def beyond(self, devices: DeviceSet) -> int:
        return sum(beyond(devices))

    def explain(self, subject: Subject, work: Workload) -> Iterator[str]:
        if subject.spec is None:
            yield from self._general.explain(subject, work)
            return
        from llmscale.runtimes.llama_cpp.simulate import facts, settings_of
        from llmscale.runtimes.llama_cpp.simulator.cells import cells

        known, settings = facts(subject.spec), settings_of(work)
        count = cells(known, settings).full
        yield (
            f"  KV cache = {self.cache(subject, work):,} bytes: {sum(any(layer.cached()) for layer in known.layers)} "
            f"layers, {settings.streams} streams x {count:,} cells (a multiple of {CELLS}), windows fewer, K in "
            f"{settings.type_k}, V in {settings.type_v} ({subject.known}: llama.cpp {COMMIT})"
        )
        if state := self.state(subject, work):
            yield f"  state = {state:,} bytes for {work.batch} sequences ({subject.known}: llama.cpp {COMMIT})"
        yield (
            f"  compute = {self.compute(subject, work):,} bytes: its graph allocator, simulated for steps of "
            f"{settings.ubatch:,} tokens (modelled: llama.cpp {COMMIT})"
        )
        kept = _pool(subject, work)
        yield (
            f"  overhead = {self.overhead(subject, work):,} bytes of the process besides on a middling NVIDIA card: "
            f"{CONTEXT:,} of context + {THREAD:,} x {MIDDLE.threads:,} threads that its chip holds, {KERNELS:,} of "
            f"kernels, {WORKSPACE:,} of cuBLAS, a pool of {kept:,} for a step; a card that is named has its own "
            "(modelled: fitted to public logs of Linux; Windows keeps 0.8 to 1.7 GiB from a process)"
        )


def _taken(subject: Subject, work: Workload) -> Buffers:
    from llmscale.runtimes.llama_cpp.simulate import settings_of, taken  # brings the simulation, 30 ms

    assert subject.spec is not None
    return taken(subject.spec, settings_of(work))


def _pool(subject: Subject, work: Workload) -> int:
    """The pool of temporaries after a whole step."""
    tokens = min(work.context * work.batch, work.options.ubatch or UBATCH)
    if subject.spec is None:
        return pool(max(subject.shape.hidden, subject.shape.intermediate), tokens)
    from llmscale.runtimes.llama_cpp.simulate import activations, facts

    return pool(activations(facts(subject.spec)), tokens)


def between(points: tuple[tuple[int, int], ...], context: int) -> int:
    """The value at `context` on the lines between `points`, and on the last one beyond them."""
    right = next((number for number, (known, _) in enumerate(points) if known >= context), len(points) - 1)
    if right == 0:
        return points[0][1]
    (before, low), (after, high) = points[right - 1], points[right]
    return max(low, low + (high - low) * (context - before) // (after - before))
