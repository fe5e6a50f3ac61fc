"""transformers 5.23.0 as a runtime.

What a process takes at most is the larger of two moments, see `llmscale.runtimes.transformers.peak`. An encoder is
called once, an encoder-decoder sees the whole context with its encoder and answers as long. Recurrent layers run
without optional kernels. Which attention is taken by default is transformers' own choice: SDPA where the class takes
it, else single operations. A static cache is counted as it lies; that decoding with it is compiled by default, and what
that takes, is not.

Not counted: what kernels allocate for themselves (cuBLAS has 8.1 MiB in PyTorch's allocator, 32 MiB from Hopper on),
and what the allocator reserves beyond what is allocated, in segments of 2 or 20 MiB or multiples of 2. The overhead
stands for these and the CUDA context; 0.5 GiB is assumed, not measured. Models whose blocks or code are not traced, and
bare sizes, have a `rule`. Catalogue models of which only the shape is at hand lie on lines between traced contexts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from llmscale.devices.sets import DeviceSet
from llmscale.notes import note
from llmscale.quantity import Basis, Quantity
from llmscale.runtimes.general import GeneralRuntime, Memory, cache_bytes, dealt_out, known, spread, state_bytes
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.placed import UNKNOWN, Off, Placement
from llmscale.runtimes.subject import Exact, Summary
from llmscale.runtimes.transformers import summary as compiled
from llmscale.runtimes.transformers.info import INFO
from llmscale.runtimes.transformers.releases import older
from llmscale.runtimes.transformers.rule import most_of, ruled

#: What the rows are called that were asked with their release.
OLDER = "transformers, older releases"


class Transformers(GeneralRuntime):
    """See the module."""

    def memory(self, subject: Exact | Summary, work: Workload) -> Memory:
        if isinstance(subject, Summary):
            return compiled.memory(subject, work)
        from llmscale.runtimes.transformers.peak import held_state, peak_of

        found, state = peak_of(subject, work), held_state(subject, work)
        basis = known(subject)
        return Memory(
            weights=subject.weights,
            cache=Quantity.exactly(cache_bytes(subject.widths, work), subject.basis),
            state=Quantity.exactly(state_bytes(subject.widths, work) if state is None else state, basis),
            compute=ruled(subject, work) if found is None else Quantity.exactly(found.compute, basis),
            overhead=Quantity.exactly(compiled.FRAMEWORK, Basis.MODELLED),
        )

    def settle(self, subject: Exact | Summary, work: Workload, devices: DeviceSet) -> Workload:
        return work.with_options(release=self.release) if older(self.release) else work

    def place(self, subject: Exact, work: Workload, devices: DeviceSet) -> Placement:
        from llmscale.runtimes.transformers.forward import is_traced

        memory = self.memory(subject, work)
        if older(self.release):
            from llmscale.runtimes.transformers.older import aged

            newest = self.memory(subject, work.with_options(release=None))
            memory = aged(subject, memory, newest.compute.value, self.release, devices)
        placed = self._dealt(subject, memory, self.budgets(work, devices), devices)
        if is_traced(subject.spec):
            return placed
        why = note("not_traced", runtime=INFO.title, model=subject.spec.name, most=most_of(subject))
        return placed._replace(notes=(*placed.notes, why))

    def _dealt(self, subject: Exact, memory: Memory, budgets: Sequence[int], devices: DeviceSet) -> Placement:
        """On devices alike as much of each, to a module; on others as accelerate deals it out."""
        further = self.further(devices)
        if len(devices.kinds) < 2:
            return spread(memory, budgets, further)
        from llmscale.runtimes.transformers.device_map import dealt, modules_of

        rooms = [budget - memory.overhead.high - more for budget, more in zip(budgets, further, strict=True)]
        found = dealt(modules_of(subject.stored), rooms)
        told = note("device_map_auto", weights=list(found.weights))
        return dealt_out(memory, budgets, further, found.weights, found.layers)._replace(notes=(told,))

    def screen_error(self, summary: Summary, work: Workload, devices: DeviceSet) -> Off:
        if older(self.release) or work.option("prompt_tokens") or len(devices.kinds) > 1:
            return UNKNOWN
        return compiled.error(summary, work, devices)

    def summarise(self, subject: Exact) -> Any:
        return compiled.summarise(subject)

    def bounded(self, subject: Exact) -> bool:
        from llmscale.model.classes.styles import ENCODERS, compared
        from llmscale.runtimes.transformers.forward import is_traced

        # The rows that bound an estimate are of decoders.
        spec = subject.spec
        return is_traced(spec) and spec.family not in ENCODERS and compared(spec.text_family or spec.family)

    @property
    def measured_as(self) -> str:
        return OLDER if older(self.release) else INFO.name

    def explain(self, subject: Exact, work: Workload, placed: Placement, devices: DeviceSet) -> Iterator[str]:
        from llmscale.runtimes.transformers.explain import explain

        yield from explain(subject, work, self.release)
        if older(self.release):
            from llmscale.runtimes.transformers.older import explained

            yield from explained(subject, self.release, devices)


def runtime(release: str) -> Transformers:
    """transformers of a release that was read."""
    return Transformers(INFO, release)
