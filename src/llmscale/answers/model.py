"""A loaded model and what is asked of it: shared by every answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from llmscale.answers.results.common import SizedModelRef
from llmscale.catalogue.summaries import sizes
from llmscale.devices.sets import DeviceSet, sized
from llmscale.errors import UnsupportedModelError, UsageError
from llmscale.fit.footprint import Candidate
from llmscale.fit.weights import answered, weights_of
from llmscale.formats.catalogue import kv_formats, number_format
from llmscale.formats.layout import Format
from llmscale.formats.readers import refuse_unread
from llmscale.formats.recipe import Quant
from llmscale.model.inventory import Inventory, inventory
from llmscale.model.shape import Shape, shape_of
from llmscale.model.spec import ModelSpec
from llmscale.quantity import Basis, Quantity
from llmscale.runtimes import engine
from llmscale.runtimes import runtime as find_runtime
from llmscale.runtimes.architectures import refuse_lacking
from llmscale.runtimes.interface import DEFAULTS, KNOWN_BY, Options, Subject
from llmscale.units import GIB, parse_size

if TYPE_CHECKING:
    from llmscale.fit.peers import Peer
    from llmscale.speed.profile import ComputeProfile

DEFAULT_CONTEXT = 4096
DEFAULT_QUANTS = ("fp32", "fp16", "int8", "int4")
DEFAULT_KV = "fp16"
#: Far above any model; catches slips.
MAX_CONTEXT = 1 << 30
MAX_BATCH = 1 << 20


class Model(NamedTuple):
    """A model with what its memory follows from.

    Attributes:
        limit: the model's own longest context; None when it has none.
        sequence: tokens of a model that always sees the same number.
        shapes: one where the tensors are known, those of its peers for a bare size.
        assumed: whether the shapes are peers', or those of a family that somebody assumed.
        spec, parts: None for a catalogue model whose sizes were computed when the catalogue was compiled.
        compiled: whether that is so.
        summed: the same by quant, where it was computed for this answer, see `llmscale.answers.choose.summed`.
        compute_profile: what of it decides its speed, where it was computed before.
        published_in: see `ModelSpec`.
        family: the published ``model_type``; empty where it is not known, or somebody only assumed it.
    """

    ref: SizedModelRef
    limit: int | None
    sequence: int | None
    shapes: tuple[Shape, ...]
    assumed: bool
    warnings: tuple[str, ...]
    spec: ModelSpec | None
    parts: Inventory | None
    peers: tuple[Peer, ...] = ()
    compiled: bool = False
    summed: Mapping[str, Sequence[int]] | None = None
    compute_profile: ComputeProfile | None = None
    published_in: str = ""
    family: str = ""

    @classmethod
    def of(cls, spec: ModelSpec) -> Model:
        """Everything that estimates need of `spec`; a bare size gets its peers' shapes."""
        parts = inventory(spec)
        ref = SizedModelRef(spec.id, spec.name, spec.source, spec.basis.value, parts.total(), parts.active())
        if spec.shape_known:
            around: tuple[Peer, ...] = ()
            shapes: tuple[Shape, ...] = (shape_of(spec),)
        else:
            from llmscale.fit.peers import peers

            around = peers(parts.total(), parts.active() < parts.total())
            # A size says nothing of the code that it runs through.
            shapes = tuple(peer.shape._replace(transformers=()) for peer in around)
        return cls(
            ref=ref,
            limit=spec.max_context,
            sequence=spec.sequence,
            shapes=shapes,
            assumed=not spec.shape_known or spec.basis is Basis.ASSUMED,
            warnings=spec.warnings,
            spec=spec,
            parts=parts,
            peers=around,
            published_in=spec.published_in,
            family=spec.family if spec.shape_known and spec.basis is not Basis.ASSUMED else "",
        )

    def weights(self, quant: Quant) -> Quantity:
        """Bytes of the weights in `quant`.

        Raises:
            UnsupportedModelError: the quant does not take this model.
        """
        if self.compiled:
            known = self.sizes(quant)
            if known is None:
                raise UnsupportedModelError(f"{self.ref.name} cannot be had in {quant.name}.")
            return Quantity.exactly(known[0])
        assert self.spec is not None
        assert self.parts is not None
        return weights_of(self.spec, self.parts, quant, self.peers)

    def file(self, quant: Quant) -> Quantity | None:
        """Bytes of a GGUF file in `quant`, its vocabulary included; None for other formats and for bare sizes."""
        if quant.kind != "gguf" or self.spec is None or self.parts is None or not self.spec.shape_known:
            return None
        from llmscale.formats.gguf.files import file_bytes
        from llmscale.formats.weights import assign_formats

        return Quantity(*file_bytes(self.spec, assign_formats(quant, self.spec, self.parts)), Basis.MODELLED)

    def candidate(self, quant: Quant, runtime: str | None) -> Candidate:
        """This model in one quant on one runtime, the quant's own by default."""
        chosen = find_runtime(runtime or quant.runtime)
        if chosen.name == "vllm":
            from llmscale.runtimes.vllm.formats import refuse_foreign

            refuse_foreign(quant)
        refuse_unread(quant, chosen.name)
        refuse_lacking(chosen.name, self.family, self.ref.name)
        # The figures of these are too slow to work out for every device that a summed model is asked about.
        drawn = ("llama.cpp", "vllm", *(("transformers",) if self.shapes[0].transformers else ()))
        quick = not self.compiled or engine(chosen.name) not in drawn
        spec = self.spec if self.counted and quick else None
        subjects = tuple(Subject(shape, spec, quant) for shape in self.shapes)
        weights = self.weights(quant)
        return Candidate(weights, subjects, self.assumed, chosen, self._aside(quant, chosen.name))

    def _aside(self, quant: Quant, runtime: str) -> int:
        """Bytes of the weights that `runtime` keeps in RAM even with all layers on a device."""
        if engine(runtime) == "llama.cpp":
            return self.host(quant)
        # ExLlama's own formats hold a head besides the embedding, which stays there in 16 bits.
        if runtime != "exllama" or not quant.own_head or not (self.counted or self.compiled):
            return 0
        (shape,) = self.shapes
        return 2 * shape.vocab * shape.hidden if shape.decodes else 0

    def host(self, quant: Quant) -> int:
        """Bytes of the weights that llama.cpp keeps in RAM even with all layers on a device; 0 for a bare size."""
        if quant.kind != "gguf":
            return 0
        if self.compiled:
            known = self.sizes(quant)
            return known[1] if known else 0
        if not self.counted:
            return 0
        from llmscale.formats.weights import assign_formats, host_bytes

        assert self.spec is not None
        assert self.parts is not None
        return host_bytes(assign_formats(quant, self.spec, self.parts))

    def on_devices(self, quant: Quant, runtime: str | None = None) -> int:
        """The most bytes of the weights that lie on devices which take all layers, on the quant's own runtime or so."""
        name = runtime or quant.runtime
        most = known[0] if self.compiled and (known := self.sizes(quant)) else self.weights(quant).high
        return most - self._aside(quant, name)

    @property
    def counted(self) -> bool:
        """Whether the tensors are at hand, not only what was computed from them."""
        return self.spec is not None and self.spec.shape_known

    def sizes(self, quant: Quant) -> Sequence[int] | None:
        """Of a compiled model: all bytes in `quant`, and of GGUF those that llama.cpp keeps in RAM, those that a token
        reads, and those of the routed experts; None where it cannot be had in it."""
        return self._sizes_for(quant.runtime).get(quant.id)

    def _sizes_for(self, runtime: str) -> Mapping[str, Sequence[int]]:
        return sizes(runtime, self.ref.id) if self.summed is None else self.summed

    def had_in(self, quants: Iterable[Quant]) -> list[Quant]:
        """Those of `quants` that the model can be had in."""
        if not self.compiled:
            return [quant for quant in quants if self._had(quant)]
        quants = list(quants)
        known = {runtime: self._sizes_for(runtime) for runtime in {quant.runtime for quant in quants}}
        return [quant for quant in quants if quant.id in known[quant.runtime]]

    def _had(self, quant: Quant) -> bool:
        assert self.spec is not None
        if not self.spec.shape_known:
            return answered(quant, self.peers)
        try:
            self.weights(quant)
        except UnsupportedModelError:
            return False
        return True

    def read(self, quant: Quant) -> tuple[int, int] | None:
        """Bytes of the weights that a token reads in `quant`, and those of the routed experts; None if not computed."""
        if self.compiled:
            known = self.sizes(quant)
            return (known[2], known[3]) if known and len(known) > 2 else None
        from llmscale.formats.weights import assign_formats
        from llmscale.speed.profile import bytes_per_token

        assert self.spec is not None
        assert self.parts is not None
        return bytes_per_token(self.parts, assign_formats(quant, self.spec, self.parts))

    @property
    def profile(self) -> ComputeProfile | None:
        """What of the model decides its speed; None for a bare size."""
        if self.compute_profile is not None or not self.counted:
            return self.compute_profile
        from llmscale.speed.profile import profile_of

        assert self.parts is not None
        return profile_of(self.parts)

    def context(self, asked: int | None) -> int:
        """Tokens to estimate for: as asked, else 4,096 or the model's own limit, whichever is smaller."""
        if self.sequence:
            return self.sequence
        if asked is not None:
            return asked
        return min(DEFAULT_CONTEXT, self.limit or DEFAULT_CONTEXT)


def common_devices(sizes: Iterable[int], reserve: str | None = None) -> list[DeviceSet]:
    """Memory sizes as if they were devices."""
    return [sized(size * GIB, f"{size} GiB", reserve=reserve_bytes(reserve)) for size in sizes]


def reserve_bytes(text: str | None) -> int | None:
    if text is None:
        return None
    return 0 if text.strip() in ("0", "0B", "0GB", "0GiB") else parse_size(text, "reserve")


def kv_format(name: str) -> Format:
    form = number_format(name)
    if not form.kv:
        raise UsageError(f"A KV cache cannot be kept in {form.name}.", f"One of: {', '.join(kv_formats())}.")
    return form


def kv_formats_of(text: str) -> tuple[Format, Format | None]:
    """The format of the KV cache, and that of V where ``k=q8_0,v=q4_0`` names another one for it."""
    if "=" not in text:
        return kv_format(text), None
    parts = dict(piece.strip().lower().partition("=")[::2] for piece in text.split(","))
    if set(parts) != {"k", "v"}:
        raise UsageError(f"--kv-dtype '{text[:40]}' names no format of K and of V.", "For example k=q8_0,v=q4_0.")
    k, v = kv_format(parts["k"]), kv_format(parts["v"])
    return k, None if v == k else v


def check_options(options: Options) -> None:
    """Bounds that hold for every runtime.

    Raises:
        UsageError: a number that cannot be meant.
    """
    for name in (
        "ubatch",
        "tp",
        "pp",
        "dp",
        "max_num_seqs",
        "max_num_batched_tokens",
        "chunked_prefill_size",
        "max_running_requests",
        "prefill_step_size",
    ):
        value = getattr(options, name)
        if value is not None and not 1 <= value <= MAX_BATCH:
            raise UsageError(f"{flag(name)} {value} is not possible: between 1 and {MAX_BATCH:,} is.")
    if options.n_cpu_moe is not None and options.n_cpu_moe < 0:
        raise UsageError(f"--n-cpu-moe {options.n_cpu_moe} is not possible.", "A number of layers from 0.")
    for name in ("gpu_memory_utilization", "mem_fraction_static"):
        share = getattr(options, name)
        if share is not None and not 0 < share <= 1:
            raise UsageError(f"{flag(name)} {share:g} is not possible.", "A share above 0 and up to 1.")


def check_known(options: Options, runtime: str) -> None:
    """Raises:
    UsageError: an option that `runtime` does not have.
    """
    for name, by in KNOWN_BY.items():
        if getattr(options, name) != getattr(DEFAULTS, name) and runtime not in by:
            raise UsageError(
                f"{flag(name)} is an option of {' and '.join(by)}, and this is for {runtime}.",
                f"Add --runtime {by[0]}, or leave it away.",
            )


def flag(name: str) -> str:
    """How the command line writes an option."""
    return f"--{name.replace('_', '-')}"


def check_workload(context: int | None, batch: int) -> None:
    if context is not None and not 1 <= context <= MAX_CONTEXT:
        raise UsageError(f"--context {context} is not possible: between 1 and {MAX_CONTEXT:,} tokens are.")
    if not 1 <= batch <= MAX_BATCH:
        raise UsageError(f"--batch {batch} is not possible: between 1 and {MAX_BATCH:,} sequences are.")
