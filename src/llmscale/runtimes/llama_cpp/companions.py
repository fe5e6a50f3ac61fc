"""What llama-server loads with a model: the vision tower's file (``--mmproj``), a draft model (``-md``), or the
model's own layer for further tokens (``--spec-type draft-mtp``; `prediction`).

The tower lies on the first device, however few of the model's layers do (tools/mtmd/clip.cpp). The draft model's layers
are all on the devices, its cache holds as many tokens of as many sequences as the model's, in F16 unless it is told
otherwise, and it computes in steps of the same size (common/speculative.cpp, `common_base_params_to_speculative` and
`common_speculative_init_result`). Llama.cpp commit 0c1e57098.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

from llmscale.errors import UsageError
from llmscale.formats.catalogue import number_format
from llmscale.formats.gguf.mmproj import projector, tower
from llmscale.formats.recipe import Quant, StoredTensor
from llmscale.formats.weights import assign_formats
from llmscale.model.inventory import Inventory, inventory
from llmscale.model.spec import ModelSpec
from llmscale.records import NamedTuple
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.llama_cpp.asked import settings_of
from llmscale.runtimes.llama_cpp.info import MTP
from llmscale.runtimes.llama_cpp.memory import Held, LayerWeights, held, layer_weights
from llmscale.runtimes.llama_cpp.prediction import prediction_of
from llmscale.runtimes.llama_cpp.settings import Offload
from llmscale.runtimes.llama_cpp.simulate import facts
from llmscale.runtimes.llama_cpp.simulator.ggml_types import CUDA_ALIGN, CUDA_ROW
from llmscale.runtimes.llama_cpp.towers import GRAPHS
from llmscale.runtimes.placed import DRAFT, MMPROJ
from llmscale.runtimes.subject import Exact
from llmscale.store.tables import table
from llmscale.units import MIB

#: By how many rows two vocabularies may differ (common/speculative.cpp).
ROWS_APART = 128
#: The options that name what is loaded with a model.
NAMED = ("mmproj", "draft", "draft_quant", "spec_type", "spec_draft_n_max")


class Companion(Protocol):
    """Another model that is loaded with this one."""

    @property
    def kind(self) -> str:
        """What its bytes are called: one of `llmscale.runtimes.interface.KINDS`."""
        ...

    def on_devices(self, work: Workload, budgets: Sequence[int], alike: bool) -> Sequence[int]:
        """Bytes on each device that has so many for models."""
        ...

    def words(self) -> list[str]:
        """The words of a command line that load it."""
        ...

    def explain(self, work: Workload, release: str) -> str:
        """How the bytes come about, for ``--explain``."""
        ...


class Projector(NamedTuple):
    """A vision tower.

    Attributes:
        model: what its file is called after.
        weights: bytes of its tensors as CUDA's buffers hold them.
        graph: MiB of its compute buffer, and the side of the image that it is for; None where nobody measured it.
    """

    model: str
    form: str
    weights: int
    graph: tuple[float, int] | None

    @property
    def compute(self) -> int:
        """Bytes of the compute buffer that is reserved at the start; 0 where it is not known."""
        return round(self.graph[0] * MIB) if self.graph else 0

    @property
    def size(self) -> int:
        """Bytes on the first device."""
        return self.weights + self.compute

    @property
    def kind(self) -> str:
        return MMPROJ

    def on_devices(self, work: Workload, budgets: Sequence[int], alike: bool) -> Sequence[int]:
        return [self.size, *[0] * (len(budgets) - 1)]

    def words(self) -> list[str]:
        return ["--mmproj", f"mmproj-{self.model}-{self.form.upper()}.gguf"]

    def explain(self, work: Workload, release: str) -> str:
        told = (
            f"{self.compute:,} of compute buffer, reserved for an image of {self.graph[1]:,} x {self.graph[1]:,}; a "
            "larger one would take more (measured)"
            if self.graph
            else "its compute buffer is not known and left out: 20 to 700 MiB where it was measured"
        )
        return (
            f"  mmproj = {self.size:,} bytes on the first device: {self.weights:,} of the file's tensors in "
            f"{self.form.upper()} (exact: llama.cpp {release}), {told}"
        )


class Draft(NamedTuple):
    """A draft model."""

    spec: ModelSpec
    quant: Quant
    weights: LayerWeights

    @property
    def kind(self) -> str:
        return DRAFT

    def on_devices(self, work: Workload, budgets: Sequence[int], alike: bool) -> Sequence[int]:
        split = () if alike else tuple(map(float, budgets))
        return [one.total for one in self._held(work, Offload(devices=len(budgets), split=split))[:-1]]

    def words(self) -> list[str]:
        """A draft model is loaded without being used unless ``--spec-type`` says how."""
        file = f"{self.spec.id}-{self.quant.id.removeprefix('gguf-').upper()}.gguf"
        return ["-md", file, "--spec-type", "draft-simple"]

    def explain(self, work: Workload, release: str) -> str:
        taken = self._held(work, Offload(devices=1))[0]
        return (
            f"  draft = {taken.total:,} bytes: {self.spec.name} in {self.quant.name}, {taken.weights:,} of weights, "
            f"{taken.cache + taken.state:,} of cache in F16 for as many tokens, {taken.compute:,} of compute buffer "
            f"(modelled: llama.cpp {release}; sampling on the device is left out)"
        )

    def _held(self, work: Workload, offload: Offload) -> list[Held]:
        beside: dict[str, None] = dict.fromkeys(NAMED)
        own = work.with_options(**beside, gpu_layers=None, n_cpu_moe=None)
        own = own._replace(kv=number_format("fp16"), kv_v=None)
        return held(facts(self.spec), settings_of(own), self.weights, offload)


def companions(subject: Exact, work: Workload) -> tuple[Companion, ...]:
    """The models that the options name besides `subject`; a draft model is in the same quant by default.

    Raises:
        UsageError: a draft model or a tower that cannot be, a type of file that the converter does not write.
        UnsupportedModelError: a tower whose file nobody checked.
    """
    return _companions(subject, *map(work.option, NAMED))


@lru_cache(maxsize=64)
def _companions(
    subject: Exact,
    form: str | None,
    draft: ModelSpec | None,
    draft_quant: Quant | None,
    spec_type: str | None,
    most: int | None,
) -> tuple[Companion, ...]:
    if draft_quant and not draft:
        raise UsageError("--draft-quant names the format of a draft model, and none is named.", "Add --draft MODEL.")
    found: list[Companion] = []
    if form:
        found.append(projector_of(subject.spec, subject.inventory, form))
    if draft:
        found.append(draft_of(subject.spec, draft, draft_quant or subject.quant))
    if spec_type == MTP:
        if draft:
            raise UsageError("--draft names a model that proposes tokens, --spec-type draft-mtp the model's own layer.")
        found.append(prediction_of(subject, most))
    return tuple(found)


def projector_of(spec: ModelSpec, parts: Inventory, form: str) -> Projector:
    """The tower of `spec` in one of the types that the converter writes.

    Raises:
        UsageError, UnsupportedModelError: as `projector`.
    """
    tensors = projector(spec, parts, form)
    return Projector(spec.id, form, sum(map(_held_bytes, tensors)), GRAPHS.get(tower(spec, parts)))


def _held_bytes(tensors: StoredTensor) -> int:
    """Bytes of a group's tensors: each aligned, and a quantised one padded to rows of 512."""
    group, form = tensors
    size = form.size(group.shape)
    if form.id == "q8_0" and group.shape[-1] % CUDA_ROW:
        size += form.size((CUDA_ROW - group.shape[-1] % CUDA_ROW,))
    return -(-size // CUDA_ALIGN) * CUDA_ALIGN * group.copies


def draft_of(target: ModelSpec, spec: ModelSpec, quant: Quant) -> Draft:
    """`spec` as a draft model for `target`.

    Raises:
        UsageError: a bare size, a vocabulary that is not the target's, a format that is no GGUF file.
    """
    if not spec.shape_known:
        raise UsageError(f"--draft {spec.name} is a size alone, and a draft model's tensors must be known.")
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
    return Draft(spec, quant, layer_weights(assign_formats(quant, spec, inventory(spec)), len(facts(spec).layers)))


def vocabulary(spec: ModelSpec) -> str | None:
    """The catalogue's name of a model's vocabulary; None where it is not known."""
    family, rows = spec.text_family or spec.family, facts(spec).vocab
    for name, entry in table("vocabularies")["entries"].items():
        if any(family in families and first <= rows <= last for families, first, last in entry["picks"]):
            return str(name)
    return None
