"""What llama-server loads with a model: the vision tower's file (``--mmproj``) and a draft model (``-md``).

The tower lies on the first device, however few of the model's layers do (tools/mtmd/clip.cpp). The draft model's layers
are all on the devices, its cache holds as many tokens of as many sequences as the model's, in F16 unless it is told
otherwise, and it computes in steps of the same size (common/speculative.cpp, `common_base_params_to_speculative` and
`common_speculative_init_result`). Llama.cpp commit 0c1e57098.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from llmscale.errors import UsageError
from llmscale.formats.catalogue import number_format
from llmscale.formats.gguf.mmproj import projector, tower
from llmscale.formats.recipe import Quant, StoredTensor
from llmscale.formats.weights import assign_formats
from llmscale.model.inventory import Inventory
from llmscale.model.spec import ModelSpec
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.llama_cpp.offload import Held, Layers, held, layers_of
from llmscale.runtimes.llama_cpp.runtime import COMMIT
from llmscale.runtimes.llama_cpp.settings import Offload
from llmscale.runtimes.llama_cpp.simulate import facts, settings_of
from llmscale.runtimes.llama_cpp.simulator.ggml_types import CUDA_ALIGN, CUDA_ROW
from llmscale.runtimes.llama_cpp.towers import GRAPHS
from llmscale.units import MIB

if TYPE_CHECKING:
    from llmscale.devices.sets import DeviceSet

#: By how many rows two vocabularies may differ (common/speculative.cpp).
ROWS_APART = 128


class Projector(NamedTuple):
    """A vision tower.

    Attributes:
        weights: bytes of its tensors as CUDA's buffers hold them.
        graph: MiB of its compute buffer, and the side of the image that it is for; None where nobody measured it.
    """

    form: str
    weights: int
    graph: tuple[float, int] | None

    @property
    def compute(self) -> int:
        """Bytes of the compute buffer that is reserved at the start; 0 where it is not known."""
        return round(self.graph[0] * MIB) if self.graph else 0

    @property
    def part(self) -> str:
        return "mmproj"

    @property
    def file(self) -> tuple[str, str]:
        return self.part, self.form

    def size(self, work: Workload) -> int:
        return self.weights + self.compute

    def spread(self, work: Workload, devices: DeviceSet) -> Sequence[int]:
        return [self.size(work), *[0] * (devices.count - 1)]

    def explain(self, work: Workload) -> str:
        told = (
            f"{self.compute:,} of compute buffer, reserved for an image of {self.graph[1]:,} x {self.graph[1]:,}; a "
            "larger one would take more (measured)"
            if self.graph
            else "its compute buffer is not known and left out: 20 to 700 MiB where it was measured"
        )
        return (
            f"  mmproj = {self.size(work):,} bytes on the first device: {self.weights:,} of the file's tensors in "
            f"{self.form.upper()} (exact: llama.cpp {COMMIT}), {told}"
        )


class Draft(NamedTuple):
    """A draft model."""

    spec: ModelSpec
    quant: Quant
    layers: Layers

    @property
    def part(self) -> str:
        return "draft"

    @property
    def file(self) -> tuple[str, str]:
        return self.part, f"{self.spec.id}-{self.quant.id.removeprefix('gguf-').upper()}.gguf"

    def size(self, work: Workload) -> int:
        return self._held(work, Offload(devices=1))[0].total

    def spread(self, work: Workload, devices: DeviceSet) -> Sequence[int]:
        place = Offload(devices=devices.count, split=tuple(map(float, devices.rooms)) if devices.members else ())
        return [one.total for one in self._held(work, place)[:-1]]

    def explain(self, work: Workload) -> str:
        taken = self._held(work, Offload(devices=1))[0]
        return (
            f"  draft = {taken.total:,} bytes: {self.spec.name} in {self.quant.name}, {taken.weights:,} of weights, "
            f"{taken.cache + taken.state:,} of cache in F16 for as many tokens, {taken.compute:,} of compute buffer "
            f"(modelled: llama.cpp {COMMIT}; sampling on the device is left out)"
        )

    def _held(self, work: Workload, place: Offload) -> list[Held]:
        options = work.options._replace(mmproj="", draft="", draft_quant="", gpu_layers="", n_cpu_moe=None)
        own = work._replace(kv=number_format("fp16"), kv_v=None, options=options)
        return held(facts(self.spec), settings_of(own), self.layers, place)


def projector_of(spec: ModelSpec, parts: Inventory, form: str) -> Projector:
    """The tower of `spec` in one of the types that the converter writes.

    Raises:
        UsageError, UnsupportedModelError: as `projector`.
    """
    tensors = projector(spec, parts, form)
    return Projector(form, sum(map(_held_bytes, tensors)), GRAPHS.get(tower(spec, parts)))


def _held_bytes(tensors: StoredTensor) -> int:
    """Bytes of a group's tensors: each aligned, and a quantised one padded to rows of 512."""
    group, form = tensors
    size = form.size(group.shape)
    if form.id == "q8_0" and group.shape[-1] % CUDA_ROW:
        size += form.size((CUDA_ROW - group.shape[-1] % CUDA_ROW,))
    return -(-size // CUDA_ALIGN) * CUDA_ALIGN * group.copies


def draft_of(target: ModelSpec, spec: ModelSpec, parts: Inventory, quant: Quant) -> Draft:
    """`spec` as a draft model for `target`.

    Raises:
        UsageError: a vocabulary that is not the target's, a format that is no GGUF file.
    """
    if quant.kind != "gguf":
        raise UsageError(
            f"llama.cpp loads no draft model in {quant.name}.", "Name a GGUF quant with --draft-quant, such as q4_k_m."
        )
    ours, theirs = facts(target).vocab, facts(spec).vocab
    if abs(ours - theirs) > ROWS_APART:
        raise UsageError(
            f"{spec.name} cannot draft for {target.name}: their vocabularies hold {theirs:,} and {ours:,} tokens, and "
            f"llama.cpp wants them to be the same but for {ROWS_APART}.",
            "A smaller model of the same family usually has the same vocabulary.",
        )
    known = [vocabulary(one) for one in (target, spec)]
    if all(known) and known[0] != known[1]:
        raise UsageError(
            f"{spec.name} cannot draft for {target.name}: their vocabularies differ ({known[1]} and {known[0]}).",
            "A smaller model of the same family usually has the same vocabulary.",
        )
    return Draft(spec, quant, layers_of(assign_formats(quant, spec, parts), len(facts(spec).layers)))


def vocabulary(spec: ModelSpec) -> str | None:
    """The catalogue's name of a model's vocabulary; None where it is not known."""
    from llmscale.store.tables import table

    family, rows = spec.text_family or spec.family, facts(spec).vocab
    for name, entry in table("vocabularies")["entries"].items():
        if any(family in families and first <= rows <= last for families, first, last in entry["picks"]):
            return str(name)
    return None
