"""What is asked of every model and every device alike: context, sequences, cache, formats, runtime and its options."""

from __future__ import annotations

from collections.abc import Sequence

from llmscale.devices.sets import DeviceSet
from llmscale.fit.about import About
from llmscale.formats.layout import Format
from llmscale.formats.recipe import Quant
from llmscale.records import NamedTuple
from llmscale.runtimes.interface import Options, Runtime, Workload
from llmscale.runtimes.registry import infos
from llmscale.runtimes.registry import runtime as find_runtime

DEFAULT_KV = "fp16"


class Question(NamedTuple):
    """What is asked.

    Attributes:
        context: tokens of one sequence; None for the runtime's or the model's own.
        batch: sequences at once.
        kv, kv_v: formats of the cache.
        options: the runtime's own.
        runtime: the one asked for, its release behind an ``@``; each quant's own when None.
    """

    context: int | None
    batch: int
    kv: Format
    kv_v: Format | None = None
    options: Options = ()
    runtime: str | None = None

    @property
    def predicts(self) -> bool:
        """Whether an option counts the model's own layer for further tokens."""
        said = {name for name, _ in self.options}
        known = (option for each in infos() for option in each.options) if said else ()
        return any(option.own_layer and option.name in said for option in known)

    def runs(self, quant: Quant) -> Runtime:
        """The runtime that a quant is asked for on."""
        return find_runtime(self.runtime or quant.runtime)

    def ranks(self, quant: Quant) -> int:
        """Devices that the options deal a model in a quant out to by name."""
        work = Workload(1, self.batch, self.kv, quant.activation_bytes, self.kv_v, self.options)
        return self.runs(quant).ranks(work)

    def tokens(self, about: About, runtime: Runtime, devices: Sequence[DeviceSet]) -> int:
        """Tokens of one sequence of a model on these devices."""
        own = runtime.context(devices) if self.context is None else None
        if own is None:
            return about.context(self.context)
        return about.context(min(own, about.limit or own))

    def work(self, about: About, quant: Quant, devices: Sequence[DeviceSet]) -> Workload:
        """The workload of a model in a quant."""
        runtime = self.runs(quant)
        context = self.tokens(about, runtime, devices)
        said = Workload(context, self.batch, self.kv, quant.activation_bytes, self.kv_v, self.options)
        return runtime.in_own_words(said, named=self.context is not None)
