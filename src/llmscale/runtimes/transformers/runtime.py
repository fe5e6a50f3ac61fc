"""transformers 5.23.0 as llmscale asks of a runtime.

Which attention is taken by default is transformers' own choice: SDPA where the class takes it, else single operations.
A static cache is counted as it lies; that decoding with it is compiled by default, and what that takes, is not.
Recurrent layers run without optional kernels.

Not counted: what kernels allocate for themselves (cuBLAS has 8.1 MiB in PyTorch's allocator, 32 MiB from Hopper on),
and what the allocator reserves beyond what is allocated, in segments of 2 or 20 MiB or multiples of 2. The overhead
stands for these and the CUDA context; 0.5 GiB is assumed, not measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from llmscale.runtimes.general import General
from llmscale.runtimes.interface import Subject, Workload
from llmscale.runtimes.transformers.peak import WIDTH, between, peak_of, state_of, traced_spec
from llmscale.runtimes.transformers.rule import least, most_of, rule
from llmscale.units import GIB

if TYPE_CHECKING:
    from llmscale.devices.sets import DeviceSet

FRAMEWORK = GIB // 2


class Transformers:
    """See the module."""

    name = "transformers"
    grain = 1

    def __init__(self) -> None:
        self._general = General(self.name)

    def room(self, devices: DeviceSet, work: Workload) -> int:
        return devices.usable

    def cache(self, subject: Subject, work: Workload) -> int:
        return self._general.cache(subject, work)

    def state(self, subject: Subject, work: Workload) -> int:
        found = state_of(subject, work)
        return self._general.state(subject, work) if found is None else found

    def compute(self, subject: Subject, work: Workload) -> int:
        points = subject.shape.transformers
        if subject.spec is None and points and not (work.options.attn or work.options.cache):
            return work.batch * between(points, work.context) * work.activation_bytes // WIDTH
        found = peak_of(subject, work)
        return rule(subject, work) if found is None else found.compute

    def within(self, subject: Subject, work: Workload) -> tuple[int, int]:
        """The least and the most that compute may be: itself, but for a model under the rule."""
        compute = self.compute(subject, work)
        if subject.shape.transformers or traced_spec(subject):
            return compute, compute
        return least(compute), compute * most_of(subject)

    def overhead(self, subject: Subject, work: Workload) -> int:
        return FRAMEWORK

    def beyond(self, devices: DeviceSet) -> int:
        return 0

    def explain(self, subject: Subject, work: Workload) -> Iterator[str]:
        from llmscale.runtimes.transformers.explain import lines

        return lines(subject, work, self.overhead(subject, work))
