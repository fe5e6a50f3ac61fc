"""What a model takes when it runs: weights, KV cache, buffers and overhead, each as a value with its range.

For a model whose tensors are known the range is one point. For a bare size the shape is not known: then every
real model of about that size is asked, and the answer is their median with their extremes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from llmscale.quantity import Basis, Quantity
from llmscale.runtimes.interface import Bounded, Runtime, Subject, Workload

if TYPE_CHECKING:
    from llmscale.devices.sets import DeviceSet


class Beside(Protocol):
    """Another model that a runtime loads with this one: a vision tower, a draft model."""

    @property
    def part(self) -> str:
        """What answers call it: ``mmproj`` or ``draft``."""
        ...

    @property
    def file(self) -> tuple[str, str]:
        """`part`, and the type of a tower's file or the name of a draft model's."""
        ...

    def size(self, work: Workload) -> int:
        """Bytes on one device."""
        ...

    def spread(self, work: Workload, devices: DeviceSet) -> Sequence[int]:
        """Bytes on each of `devices`."""
        ...

    def explain(self, work: Workload) -> str:
        """How the bytes come about, for ``--explain``."""
        ...


class Footprint(NamedTuple):
    """Bytes by what they are for.

    Attributes:
        low, high: the least and most of the whole. No model is the extreme in every part, so these lie
            inside the sums of the parts' extremes.
        host: bytes of the weights that never lie on a device.
        beside: bytes of other models that are loaded with this one, by what they are called.
    """

    weights: Quantity
    cache: Quantity
    state: Quantity
    compute: Quantity
    overhead: Quantity
    low: int
    high: int
    host: int = 0
    beside: tuple[tuple[str, int], ...] = ()

    @property
    def total(self) -> int:
        """The sum of the parts."""
        return sum(part.value for part in self[:5]) + sum(size for _, size in self.beside)


class Candidate(NamedTuple):
    """A model in one format on one runtime: everything its memory follows from but the workload.

    Attributes:
        subjects: one where the tensors are known, its peers for a bare size.
        assumed: whether the subjects are peers, or of a family that somebody assumed.
        host: bytes of the weights that lie in RAM even when all layers are on the device.
        beside: other models that are loaded with this one.
    """

    weights: Quantity
    subjects: tuple[Subject, ...]
    assumed: bool
    runtime: Runtime
    host: int = 0
    beside: tuple[Beside, ...] = ()

    def footprint(self, work: Workload) -> Footprint:
        """Bytes for `work` on one device; each further one adds the runtime's overhead.

        Of several subjects the one in the middle by its own total gives the values, all together the ranges; of one,
        what its runtime says of how far off compute may be.
        """
        run = self.runtime
        taken = [(run.cache(s, work), run.state(s, work), run.compute(s, work)) for s in self.subjects]
        taken.sort(key=sum)
        cache, state, compute = taken[(len(taken) - 1) // 2]
        caches, states, computes = zip(*taken, strict=True)
        below, above = self.slack(self.subjects[0], work)
        overhead = run.overhead(self.subjects[0], work)
        beside = tuple((one.part, one.size(work)) for one in self.beside)
        further = overhead + sum(size for _, size in beside)
        return Footprint(
            weights=self.weights,
            cache=self._spread(cache, caches, Basis.EXACT),
            state=self._spread(state, states, Basis.MODELLED),
            compute=Quantity(compute, compute - below, compute + above, Basis.ASSUMED)
            if above
            else self._spread(compute, computes, Basis.MODELLED),
            overhead=Quantity.exactly(overhead, Basis.MODELLED),
            low=self.weights.low + sum(taken[0]) + further - below,
            high=self.weights.high + sum(taken[-1]) + further + above,
            host=self.host,
            beside=beside,
        )

    def _spread(self, value: int, all_values: Sequence[int], known: Basis) -> Quantity:
        return Quantity(value, min(all_values), max(all_values), Basis.ASSUMED if self.assumed else known)

    def slack(self, subject: Subject, work: Workload) -> tuple[int, int]:
        """How much less and more compute may be, where the runtime has only a rule for a model that is known."""
        if self.assumed or not isinstance(self.runtime, Bounded):
            return 0, 0
        compute = self.runtime.compute(subject, work)
        least, most = self.runtime.within(subject, work)
        return compute - least, most - compute

    def most(self, subject: Subject, work: Workload) -> int:
        """The most bytes that `work` may take on one device with this subject."""
        run = self.runtime
        varying = run.cache(subject, work) + run.state(subject, work) + run.compute(subject, work)
        varying += self.slack(subject, work)[1]
        beside = sum(one.size(work) for one in self.beside)
        return self.weights.high - self.host + varying + run.overhead(subject, work) + beside
