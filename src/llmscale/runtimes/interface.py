"""What every runtime answers: the bytes it takes besides the weights, for one model and one workload."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from llmscale.formats.layout import Format
from llmscale.formats.recipe import Quant
from llmscale.model.shape import Shape
from llmscale.quantity import Basis

if TYPE_CHECKING:
    from llmscale.devices.sets import DeviceSet
    from llmscale.model.spec import ModelSpec


class Options(NamedTuple):
    """What one may tell a runtime besides context, batch and cache type, under the runtime's own names.

    None, or an empty text, is its own default. Which runtime knows which option stands in `KNOWN_BY`.
    """

    ubatch: int | None = None
    flash_attn: bool | None = None
    unified_kv: bool | None = None
    swa_full: bool | None = None
    kv_offload: bool | None = None
    gpu_layers: str = ""
    n_cpu_moe: int | None = None
    ram: int | None = None
    ram_bandwidth: int | None = None
    tp: int | None = None
    pp: int | None = None
    dp: int | None = None
    ep: bool | None = None
    gpu_memory_utilization: float | None = None
    max_num_seqs: int | None = None
    max_num_batched_tokens: int | None = None
    enforce_eager: bool | None = None
    mem_fraction_static: float | None = None
    chunked_prefill_size: int | None = None
    max_running_requests: int | None = None
    prefill_step_size: int | None = None
    mmproj: str = ""
    draft: str = ""
    draft_quant: str = ""
    attn: str = ""
    cache: str = ""

    @property
    def ranks(self) -> int:
        """Devices that the model is dealt out to by name."""
        return (self.tp or 1) * (self.pp or 1) * (self.dp or 1)


_LLAMA_CPP = (
    "ubatch",
    "flash_attn",
    "unified_kv",
    "swa_full",
    "kv_offload",
    "gpu_layers",
    "n_cpu_moe",
    "ram",
    "ram_bandwidth",
)
_VLLM = ("tp", "pp", "dp", "ep", "gpu_memory_utilization", "max_num_seqs", "max_num_batched_tokens", "enforce_eager")
_SGLANG = ("mem_fraction_static", "chunked_prefill_size", "max_running_requests")
_TRANSFORMERS = ("attn", "cache")
#: The runtimes that an option changes something for.
KNOWN_BY: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(_LLAMA_CPP, ("llama.cpp",)),
    **dict.fromkeys(_VLLM, ("vllm",)),
    **dict.fromkeys(_SGLANG, ("sglang",)),
    "tp": ("vllm", "sglang"),
    "prefill_step_size": ("mlx",),
    **dict.fromkeys(("ubatch", "flash_attn", "gpu_layers", "ram"), ("llama.cpp", "ollama")),
    **dict.fromkeys(("mmproj", "draft", "draft_quant"), ("llama.cpp",)),
    **dict.fromkeys(_TRANSFORMERS, ("transformers",)),
}
DEFAULTS = Options()


class Workload(NamedTuple):
    """What is asked of the model.

    Attributes:
        context: tokens of one sequence, prompt and answer together.
        batch: sequences at once.
        kv: format of the KV cache.
        activation_bytes: bytes of one activation, which the weights' format decides.
        kv_v: format of the cache of V where it is another one than that of K.
    """

    context: int
    batch: int
    kv: Format
    activation_bytes: int
    kv_v: Format | None = None
    options: Options = DEFAULTS

    @property
    def value_format(self) -> Format:
        """The format of V."""
        return self.kv_v or self.kv


class Subject(NamedTuple):
    """The model that a runtime is asked about.

    Attributes:
        spec: None where only the shape is known: a bare size's peers, and catalogue models when all are asked at once.
        quant: the format of its weights.
    """

    shape: Shape
    spec: ModelSpec | None = None
    quant: Quant | None = None

    @property
    def known(self) -> str:
        """How what follows from its layers is known: as the layers are."""
        return Basis.ASSUMED.value if self.spec and self.spec.basis is Basis.ASSUMED else Basis.EXACT.value


class Runtime(Protocol):
    """One runtime's memory besides the weights on one device, in bytes; all parts grow with context and batch."""

    @property
    def name(self) -> str:
        """What `--runtime` calls it."""
        ...

    @property
    def grain(self) -> int:
        """Tokens that it gives memory for at once."""
        ...

    def room(self, devices: DeviceSet, work: Workload) -> int:
        """What it takes of each device."""
        ...

    def cache(self, subject: Subject, work: Workload) -> int:
        """KV cache."""
        ...

    def state(self, subject: Subject, work: Workload) -> int:
        """State of recurrent layers, the same at any context."""
        ...

    def compute(self, subject: Subject, work: Workload) -> int:
        """Activations and scratch buffers of one forward step."""
        ...

    def overhead(self, subject: Subject, work: Workload) -> int:
        """What the framework itself takes on each device."""
        ...

    def beyond(self, devices: DeviceSet) -> int:
        """What it takes on all of `devices` beyond `overhead`, which is that of a device without a name."""
        ...

    def explain(self, subject: Subject, work: Workload) -> Iterable[str]:
        """How each part comes about, with the numbers put in: one line a part, for ``--explain``."""
        ...


@runtime_checkable
class Bounded(Protocol):
    """A runtime that knows some models only by a rule, and how far off that may be."""

    def within(self, subject: Subject, work: Workload) -> tuple[int, int]:
        """The least and the most that `Runtime.compute` may be; both itself where it is no rule."""
        ...
