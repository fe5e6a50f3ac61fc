"""What every runtime answers, and the types that it is asked with; where a model lies under it is a `Placement`.

A runtime is a package of this folder that opens with `info.py` (a `RuntimeInfo`); `llmscale.runtimes.registry` names
it. `llmscale.runtimes.general` has the rule for what nobody modelled, which every runtime may start from.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

from llmscale.devices.sets import DeviceSet
from llmscale.formats.layout import Format
from llmscale.notes import Note
from llmscale.records import NamedTuple
from llmscale.runtimes.option import Option
from llmscale.runtimes.placed import Off, Placement

if TYPE_CHECKING:
    from llmscale.runtimes.subject import Exact, Summary


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
        capability: the least compute capability of NVIDIA's devices that it runs on now, and that a release before did.
        amd: ROCm's targets that it runs on (gfx1100); empty where all that are listed.
        besides: quants that it runs though they do not name it.
        kernels: of quants that not all its devices run, NVIDIA's compute capabilities from and to which they do.
        reads_files: whether it reads GGUF files of others besides.
        usual: the quants that it is asked for when none is named; empty for those of everybody.
        bits: what people mean by so many bits on it (``4bit``, ``8bit``); empty where these are plain widths.
        steps: the quants that people go down until a model fits, the better first; empty for all that it has.
        on_host: whether it is modelled where a processor computes, with its RAM alone.
        home: kinds of devices on which it is what people run when nobody names a runtime.
        shares_tensors: whether it cuts every matrix over devices, so that it takes as much of each as of the smallest.
        engine: another runtime that does the work; empty for none.
        offloads: whether it leaves weights in host memory by itself.
        by_tensors: whether it says something of models of which only the tensors are known, by the general rule.
        serves: whether it reads prompts while it writes others' answers.
        note: the sentence below its tables.
    """

    name: str
    title: str
    source: str
    vendors: tuple[str, ...] = ()
    capability: tuple[float, float] = (0.0, 0.0)
    amd: tuple[str, ...] = ()
    runs: Runs = Runs()
    reads: Reads = Reads.ANY
    besides: frozenset[str] = frozenset()
    kernels: Mapping[str, tuple[float, float]] = {}
    reads_files: bool = False
    usual: tuple[str, ...] = ()
    bits: Mapping[str, str] = {}
    steps: tuple[str, ...] = ()
    home: frozenset[str] = frozenset()
    on_host: bool = False
    options: tuple[Option, ...] = ()
    shares_tensors: bool = False
    engine: str = ""
    offloads: bool = False
    by_tensors: bool = False
    serves: bool = False
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


class StepRoom(NamedTuple):
    """What a server takes into one step, when it reads prompts while it writes answers.

    Attributes:
        tokens: of prompts and answers together.
        sequences: at once; None for as many as the cache holds.
        devices, replicas: that take a step together, None for all; how many such sets share the requests.
    """

    tokens: int
    sequences: int | None = None
    devices: int | None = None
    replicas: int = 1


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

    def screen_error(self, summary: Summary, work: Workload, devices: DeviceSet) -> Off:
        """How far off `screen` may be, of all that is used; `PRECISE` where it is the placement itself, `UNKNOWN` where
        it says nothing, or more than memory decides."""
        ...

    def screens_alike(self, work: Workload, devices: DeviceSet) -> tuple[Hashable, int] | None:
        """A kind that `screen` fills alike whatever the room, and bytes held besides on each; None if room decides."""
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

    def step_room(self, work: Workload, devices: DeviceSet) -> StepRoom | None:
        """What one step of a settled `work` takes; None for what answers one request after another."""
        ...

    def launch(self, subject: Exact | Summary, work: Workload, placed: Placement, called: ModelName) -> str | None:
        """What to type; None for what is no server, or cannot be typed.

        Called with what was compiled of a model where that is placed precisely (`screen_error`).
        """
        ...

    def explain(self, subject: Exact, work: Workload, placed: Placement, devices: DeviceSet) -> Iterator[str]:
        """One line a part, with the numbers put in and the source."""
        ...


def option_table(options: Sequence[Option]) -> dict[str, Option]:
    """Options by name."""
    return {option.name: option for option in options}
