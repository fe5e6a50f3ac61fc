"""A loaded model and what is asked of it: shared by every answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from llmscale.devices.sets import DeviceSet, sized
from llmscale.errors import UnsupportedModelError, UsageError
from llmscale.footprint import Candidate, Quantity
from llmscale.formats.catalogue import kv_formats, number_format
from llmscale.formats.layout import Format
from llmscale.formats.recipe import Quant
from llmscale.inventory import Inventory, inventory
from llmscale.results.common import SizedModelRef
from llmscale.runtimes import runtime as find_runtime
from llmscale.shape import Shape, shape_of
from llmscale.spec import Basis, ModelSpec
from llmscale.units import GIB, parse_size
from llmscale.weights import weights_of

if TYPE_CHECKING:
    from llmscale.peers import Peer

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
        sizes: those, by quant.
        published_in: see `ModelSpec`.
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
    sizes: Mapping[str, int] | None = None
    published_in: str = ""

    @classmethod
    def of(cls, spec: ModelSpec) -> Model:
        """Everything that estimates need of `spec`; a bare size gets its peers' shapes."""
        parts = inventory(spec)
        ref = SizedModelRef(spec.id, spec.name, spec.source, spec.basis.value, parts.total(), parts.active())
        if spec.shape_known:
            around: tuple[Peer, ...] = ()
            shapes: tuple[Shape, ...] = (shape_of(spec),)
        else:
            from llmscale.peers import peers

            around = peers(parts.total(), parts.active() < parts.total())
            shapes = tuple(peer.shape for peer in around)
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
        )

    def weights(self, quant: Quant) -> Quantity:
        """Bytes of the weights in `quant`.

        Raises:
            UnsupportedModelError: the quant does not take this model.
        """
        if self.sizes is not None:
            if quant.id not in self.sizes:
                raise UnsupportedModelError(f"{self.ref.name} cannot be had in {quant.name}.")
            return Quantity.exactly(self.sizes[quant.id])
        assert self.spec is not None
        assert self.parts is not None
        return weights_of(self.spec, self.parts, quant, self.peers)

    def file(self, quant: Quant) -> Quantity | None:
        """Bytes of a GGUF file in `quant`, its vocabulary included; None for other formats and for bare sizes."""
        if quant.kind != "gguf" or self.spec is None or self.parts is None or not self.spec.shape_known:
            return None
        from llmscale.formats.gguf.files import file_bytes
        from llmscale.formats.weights import allot

        return Quantity(*file_bytes(self.spec, allot(quant, self.spec, self.parts)), Basis.MODELLED)

    def candidate(self, quant: Quant, runtime: str | None) -> Candidate:
        """This model in one quant on one runtime, the quant's own by default."""
        return Candidate(self.weights(quant), self.shapes, self.assumed, find_runtime(runtime or quant.runtime))

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


def check_workload(context: int | None, batch: int) -> None:
    if context is not None and not 1 <= context <= MAX_CONTEXT:
        raise UsageError(f"--context {context} is not possible: between 1 and {MAX_CONTEXT:,} tokens are.")
    if not 1 <= batch <= MAX_BATCH:
        raise UsageError(f"--batch {batch} is not possible: between 1 and {MAX_BATCH:,} sequences are.")
