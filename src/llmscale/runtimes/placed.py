"""Where a model lies: what each device and host memory hold, by what the bytes are for, and whether that fits.

Every figure of an answer is read off a `Placement`; a runtime makes one (`interface.py`), a trainer does as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from math import floor, inf

from llmscale.notes import Note
from llmscale.quantity import Basis, Quantity
from llmscale.records import NamedTuple

#: What bytes are for, in the order in which answers list them.
WEIGHTS, CACHE, STATE, COMPUTE, OVERHEAD = "weights", "kv_cache", "state", "compute", "overhead"
MMPROJ, DRAFT = "mmproj", "draft"
KINDS = (WEIGHTS, CACHE, STATE, COMPUTE, OVERHEAD, MMPROJ, DRAFT)
#: Of memory that nobody has said the size of.
UNLIMITED = 1 << 60


class Verdict(Enum):
    """Whether it fits; the later, the worse."""

    YES = "yes"
    MAYBE = "maybe"  # the range lies on both sides
    NO = "no"


class Part(NamedTuple):
    """What bytes are for, one of `KINDS`, and how many."""

    kind: str
    size: Quantity


class Usage(NamedTuple):
    """One device, or the host: what may be used, and what takes it.

    Attributes:
        budget: bytes that may be used.
        ends: the least and the most of the whole where its parts do not vary apart from each other; None where they do.
    """

    budget: int
    parts: tuple[Part, ...] = ()
    ends: tuple[int, int] | None = None

    @property
    def used(self) -> int:
        """The sum of the parts."""
        return sum(part.size.value for part in self.parts)

    @property
    def free(self) -> int:
        """What is left; negative when missing. Nothing else is called free anywhere."""
        return self.budget - self.used

    @property
    def least(self) -> int:
        """The fewest bytes that it may use."""
        return self.ends[0] if self.ends else sum(part.size.low for part in self.parts)

    @property
    def most(self) -> int:
        """The most bytes that it may use."""
        return self.ends[1] if self.ends else sum(part.size.high for part in self.parts)

    @property
    def spare(self) -> int:
        """What is surely left; negative when it may be missing."""
        return self.budget - self.most

    @property
    def verdict(self) -> Verdict:
        """Whether the parts fit the budget."""
        if self.most <= self.budget:
            return Verdict.YES
        return Verdict.MAYBE if self.least <= self.budget else Verdict.NO


class Capacity(NamedTuple):
    """What a cache that is made ahead of all requests holds.

    Attributes:
        tokens: None where nothing grows with the context.
        requests: of the whole context at once.
        bytes: of the cache on the device that has least of it.
        replicas: servers alike, each with such a cache.
        most: sequences of one step, beyond which requests wait in any case.
    """

    tokens: int | None
    requests: float
    bytes: int
    replicas: int = 1
    most: float = inf

    @property
    def each(self) -> float:
        """How many requests of the whole context run on one replica."""
        return min(self.requests, self.most)

    @property
    def at_once(self) -> float:
        """The same of all replicas, whole ones where there are several."""
        return self.each if self.replicas == 1 else float(self.replicas * floor(self.each))


class LayerSplit(NamedTuple):
    """Layers between devices and host memory.

    Attributes:
        on_devices: layers there, the output counted as one.
        total: all layers and the output.
        cpu_moe: first layers whose experts stay in host memory.
        by_rule: how many more layers' do, by rules that name them.
        split: how many of them each device gets, where it is not left to the runtime.
    """

    on_devices: int
    total: int
    cpu_moe: int = 0
    split: tuple[int, ...] = ()
    by_rule: int = 0

    @property
    def experts_in_ram(self) -> int:
        """Of how many layers the experts stay in host memory."""
        return self.cpu_moe + self.by_rule

    @property
    def whole(self) -> bool:
        """Whether all of them, with all experts, are on devices."""
        return self.on_devices == self.total and not self.experts_in_ram


class Limit(NamedTuple):
    """What decides besides bytes, and how far it lets."""

    note: Note
    verdict: Verdict


class Placement(NamedTuple):
    """A subject on devices under one runtime; the only thing that says what fits.

    Attributes:
        devices: one entry each, in the order of the set.
        host: host memory.
        capacity: of a cache that is made ahead (vLLM, SGLang).
        layers: which of them stay in host memory (llama.cpp).
        limits: graphs outside the share, fewer requests at once than are asked for.
        notes: what to read the figures with, a rule that stands for what is not modelled.
        copies: how often the weights lie there, once for each of several servers alike.
    """

    devices: tuple[Usage, ...]
    host: Usage = Usage(UNLIMITED)
    capacity: Capacity | None = None
    layers: LayerSplit | None = None
    limits: tuple[Limit, ...] = ()
    notes: tuple[Note, ...] = ()
    copies: int = 1

    @property
    def fits(self) -> Verdict:
        """The worst of all devices, host memory and limits."""
        each = (*(usage.verdict for usage in (*self.devices, self.host)), *(limit.verdict for limit in self.limits))
        return max(each, key=_WORSE.__getitem__)

    @property
    def usable(self) -> int:
        """Bytes that may be used of all devices together."""
        return sum(usage.budget for usage in self.devices)

    @property
    def used(self) -> int:
        """Bytes on all devices together."""
        return sum(usage.used for usage in self.devices)

    @property
    def used_ends(self) -> tuple[int, int]:
        """The fewest and the most bytes on all devices together."""
        return sum(usage.least for usage in self.devices), sum(usage.most for usage in self.devices)

    @property
    def free(self) -> int:
        """What is left on all devices together; negative when missing."""
        return self.usable - self.used

    @property
    def headroom(self) -> int:
        """What is left on the device that has least; negative when missing."""
        return min(usage.free for usage in self.devices)

    @property
    def spares(self) -> tuple[int, ...]:
        """What is surely left of each device and of host memory, and a lack where a limit forbids it or may."""
        each = tuple(usage.spare for usage in (*self.devices, self.host))
        return (*each, -1) if any(limit.verdict is not Verdict.YES for limit in self.limits) else each

    @property
    def spare(self) -> int:
        """What is surely left where least is, of devices and host memory; negative when it does not surely fit."""
        return min(self.spares)

    @property
    def missing(self) -> int:
        """Bytes that may be lacking on devices, all shortages together."""
        return sum(max(0, -usage.spare) for usage in self.devices)

    def of(self, kind: str, *, host: bool = True) -> Quantity:
        """All parts of a kind, on devices and unless told otherwise in host memory."""
        places = (*self.devices, self.host) if host else self.devices
        return Quantity.sum(part.size for usage in places for part in usage.parts if part.kind == kind)

    @property
    def total(self) -> int:
        """All bytes, on devices and in host memory."""
        return self.used + self.host.used

    @property
    def ends(self) -> tuple[int, int]:
        """The least and the most that all of it may take."""
        places = (*self.devices, self.host)
        return sum(usage.least for usage in places), sum(usage.most for usage in places)


class Off(NamedTuple):
    """By how much less and more than a screening says a runtime may use itself, as shares of what that says."""

    less: float
    more: float

    @property
    def precise(self) -> bool:
        """Whether the screening is the placement itself."""
        return not self.less and not self.more

    def leaves_open(self, placed: Placement) -> bool:
        """Whether the runtime's own placement may say otherwise of what fits."""
        spare = placed.spare
        return spare <= self.more * placed.used if spare >= 0 else -spare <= self.less * placed.used


#: A screening that is the placement itself, and one that says nothing.
PRECISE, UNKNOWN = Off(0.0, 0.0), Off(inf, inf)
_WORSE = {verdict: number for number, verdict in enumerate(Verdict)}


def gathered(parts: Iterable[tuple[str, Quantity]]) -> tuple[Part, ...]:
    """Parts that take anything, in the order of `KINDS`."""
    found = [Part(kind, size) for kind, size in parts if size.value or size.high]
    found.sort(key=_place)
    return tuple(found)


def modelled(sizes: Iterable[tuple[str, int]]) -> tuple[Part, ...]:
    """Parts of so many bytes each, as a model of the runtime has them."""
    return gathered((kind, Quantity.exactly(size, Basis.MODELLED)) for kind, size in sizes)


def _place(part: Part) -> int:
    return KINDS.index(part.kind)
