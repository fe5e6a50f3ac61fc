"""What every runtime answers, and the types that travel: where a model lies on devices under it, as one `Placement`.

A runtime is a package of this folder that opens with `info.py` (a `RuntimeInfo`); `llmscale.runtimes.registry` names
it. `llmscale.runtimes.general` has the rule for what nobody modelled, which every runtime may start from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from llmscale.devices.sets import DeviceSet
from llmscale.formats.layout import Format
from llmscale.notes import Note
from llmscale.quantity import Quantity
from llmscale.runtimes.option import Option

if TYPE_CHECKING:
    from llmscale.runtimes.subject import Exact, Summary

#: What bytes are for, in the order in which answers list them.
WEIGHTS, CACHE, STATE, COMPUTE, OVERHEAD = "weights", "kv_cache", "state", "compute", "overhead"
MMPROJ, DRAFT = "mmproj", "draft"
KINDS = (WEIGHTS, CACHE, STATE, COMPUTE, OVERHEAD, MMPROJ, DRAFT)
#: Of memory that nobody has said the size of.
UNLIMITED = 1 << 60


# -- what is asked -----------------------------------------------------------------------------------------------------


#: Options that were given, by name.
Options = tuple[tuple[str, Any], ...]


class Workload(NamedTuple):
    """What is asked of the model.

    Attributes:
        context: tokens of one sequence, prompt and answer together.
        batch: sequences at once.
        kv: format of the KV cache.
        activation_bytes: bytes of one activation, which the weights' format decides.
        kv_v: format of the cache of V where it is another one than that of K.
        options: the runtime's own, checked; what is not there is the runtime's default.
    """

    context: int
    batch: int
    kv: Format
    activation_bytes: int
    kv_v: Format | None = None
    options: Options = ()

    @property
    def value_format(self) -> Format:
        """The format of V."""
        return self.kv_v or self.kv

    def option(self, name: str) -> Any:
        """What was given for an option; None where nothing was."""
        return next((value for given, value in self.options if given == name), None)

    def with_options(self, **changes: Any) -> Workload:
        """The same with these options instead; None takes one away."""
        kept = [(name, value) for name, value in self.options if name not in changes]
        given = [(name, value) for name, value in changes.items() if value is not None]
        return self._replace(options=tuple(kept + given))


# -- what is answered --------------------------------------------------------------------------------------------------


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
    """

    tokens: int | None
    requests: float
    bytes: int


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
    """

    devices: tuple[Usage, ...]
    host: Usage = Usage(UNLIMITED)
    capacity: Capacity | None = None
    layers: LayerSplit | None = None
    limits: tuple[Limit, ...] = ()
    notes: tuple[Note, ...] = ()

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


_WORSE = {verdict: number for number, verdict in enumerate(Verdict)}


# -- a runtime ---------------------------------------------------------------------------------------------------------


class Reads(Enum):
    """Which quants a runtime runs."""

    ANY = "any"  # whatever is asked for
    OPEN = "open"  # those that name it as a reader, and those that name none; no GGUF file
    NAMED = "named"  # those alone that name it, or any, as a reader


class Runs(NamedTuple):
    """Which published ``model_type`` it has code for.

    Attributes:
        only: all that it runs; None where only what it lacks is known.
        lacks: those that it does not run.
    """

    only: frozenset[str] | None = None
    lacks: frozenset[str] = frozenset()

    def runs(self, family: str) -> bool:
        """Whether it is not known to lack models of this ``model_type``; empty is no type and always run."""
        return not family or (family not in self.lacks and (self.only is None or family in self.only))


class RuntimeInfo(NamedTuple):
    """What is known of a runtime without running any of it.

    Attributes:
        name: what ``--runtime`` calls it.
        title: how its authors write it.
        source: where it was read.
        vendors: whose GPUs it is modelled on, as the device catalogue spells them.
        besides: quants that it runs though they do not name it.
        reads_files: whether it reads GGUF files of others besides.
        usual: the quants that it is asked for when none is named; empty for those of everybody.
        bits: what people mean by so many bits on it (``4bit``, ``8bit``); empty where these are plain widths.
        steps: the quants that people go down until a model fits, the better first; empty for all that it has.
        on_host: whether it is modelled where a processor computes, with its RAM alone.
        home: kinds of devices on which it is what people run when nobody names a runtime.
        shares_tensors: whether it cuts every matrix over devices, so that it takes as much of each as of the smallest.
        engine: another runtime that does the work; empty for none.
        by_tensors: whether it says something of models of which only the tensors are known, by the general rule.
        note: the sentence below its tables.
    """

    name: str
    title: str
    source: str
    vendors: tuple[str, ...] = ()
    runs: Runs = Runs()
    reads: Reads = Reads.ANY
    besides: frozenset[str] = frozenset()
    reads_files: bool = False
    usual: tuple[str, ...] = ()
    bits: Mapping[str, str] = {}
    steps: tuple[str, ...] = ()
    home: frozenset[str] = frozenset()
    on_host: bool = False
    options: tuple[Option, ...] = ()
    shares_tensors: bool = False
    engine: str = ""
    by_tensors: bool = False
    note: Note | None = None


class PaceSetting(NamedTuple):
    """What the law of speed asks of a runtime.

    Attributes:
        name: what the table of fitted factors calls it.
        flash: whether attention runs without writing its scores to memory.
        chunk: tokens of a prompt that are read at once.
        host_bandwidth: bytes a second of host memory; None where nobody said.
    """

    name: str
    flash: bool = True
    chunk: int = 1 << 20
    host_bandwidth: int | None = None


class ModelName(NamedTuple):
    """How a command can name a model.

    Attributes:
        id: what its files are called after.
        repository: the publisher's, on a hub; empty where none is known.
        published_in: the ``quant_method`` of a checkpoint that is published quantised.
        gguf: a repository of its GGUF files, on a hub; empty where none is known.
        kept: the one whose only file keeps the published tensors as they are.
        ollama: its name in Ollama's library.
    """

    id: str
    repository: str = ""
    published_in: str = ""
    gguf: str = ""
    kept: str = ""
    ollama: str = ""


class Runtime(Protocol):
    """One release of a runtime."""

    @property
    def info(self) -> RuntimeInfo:
        """What is known of it."""
        ...

    @property
    def release(self) -> str:
        """The one that is modelled."""
        ...

    def in_own_words(self, work: Workload, *, named: bool) -> Workload:
        """`work` with context and sequences as the runtime's own options mean them (``--ctx-size`` of llama.cpp).

        Once, and before `settle`, which is asked again for each context that is tried.

        Args:
            named: whether the context was said besides.

        Raises:
            UsageError: what cannot be meant.
        """
        ...

    def settle(self, subject: Exact | Summary, work: Workload, devices: DeviceSet) -> Workload:
        """`work` with what the runtime chooses itself (Ollama's context, vLLM's layout of ranks).

        Raises:
            UsageError, UnsupportedModelError: what it refuses, in its words.
        """
        ...

    def place(self, subject: Exact, work: Workload, devices: DeviceSet) -> Placement:
        """Where everything lies, for a settled `work`. Called with one unlimited device when none is named.

        Raises:
            UsageError: what it refuses only now.
        """
        ...

    def partly(self, subject: Exact, work: Workload, devices: DeviceSet) -> Placement | None:
        """What runs, with the rest in host memory, where not everything fits; None where the runtime cannot."""
        ...

    def screen(self, summary: Summary, work: Workload, devices: DeviceSet) -> Placement:
        """The same as `place` from what was compiled, in microseconds; never further off than `screen_error`."""
        ...

    def screen_error(self, summary: Summary, work: Workload, devices: DeviceSet) -> float:
        """How far off `screen` may be, on any device, as a share of all that is used.

        0 where it is the placement itself, infinite where it says nothing.
        """
        ...

    def summarise(self, subject: Exact) -> Any:
        """What `screen` needs of a model whatever its quant, as JSON; opaque to everybody else."""
        ...

    def context(self, devices: Sequence[DeviceSet]) -> int | None:
        """Tokens of context that it takes by itself on these devices; None where it takes what everybody does."""
        ...

    def bounded(self, subject: Exact) -> bool:
        """Whether its measured rows were made with what answers for `subject`, so that their error holds for it."""
        ...

    @property
    def measured_as(self) -> str:
        """What the rows that its error was measured by are called in `data/bounds.yaml`."""
        ...

    def granularity(self, work: Workload) -> int:
        """Tokens that memory is given for at once."""
        ...

    def ranks(self, work: Workload) -> int:
        """Devices that the options deal a model out to by name."""
        ...

    def pace(self, work: Workload) -> PaceSetting | None:
        """What the law of speed asks; None where nobody knows what the options make of it."""
        ...

    def launch(self, subject: Exact, work: Workload, placed: Placement, called: ModelName) -> str | None:
        """What to type; None for what is no server, or cannot be typed."""
        ...

    def explain(self, subject: Exact, work: Workload, placed: Placement, devices: DeviceSet) -> Iterator[str]:
        """One line a part, with the numbers put in and the source."""
        ...


def gathered(parts: Iterable[tuple[str, Quantity]]) -> tuple[Part, ...]:
    """Parts that take anything, in the order of `KINDS`."""
    found = [Part(kind, size) for kind, size in parts if size.value or size.high]
    return tuple(sorted(found, key=lambda part: KINDS.index(part.kind)))


def option_table(options: Sequence[Option]) -> dict[str, Option]:
    """Options by name."""
    return {option.name: option for option in options}
