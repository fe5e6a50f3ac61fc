"""Speculation by the layer that a model has for it: ``--spec-type draft-mtp --spec-draft-n-max N``.

Three things take memory. The layer itself, which lies behind the others in the file and on the last device. A second
context for it, with a cache of one layer, in F16 unless it is told otherwise, for as many tokens as the model's, and a
compute buffer as of a model of this layer alone. And the model's recurrent states, of which it keeps one more for each
token that may be taken back (``n_rs_seq``).

Source: pull request 22673 of ggml-org/llama.cpp ("llama + spec: MTP Support", merged in May 2026),
src/models/qwen35.cpp (``load_block_mtp``, ``graph_mtp``), common/common.h (``need_n_rs_seq``); held against starts of
builds 9849 and later (tests/truth/llamacpp_starts.json).
"""

from __future__ import annotations

from collections.abc import Sequence

from llmscale.errors import UnsupportedModelError, UsageError
from llmscale.formats.catalogue import number_format
from llmscale.model.prediction import projection
from llmscale.records import NamedTuple
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.llama_cpp.asked import drafted, settings_of
from llmscale.runtimes.llama_cpp.facts import ModelFacts
from llmscale.runtimes.llama_cpp.info import MTP, PREDICTING
from llmscale.runtimes.llama_cpp.memory import Held, LayerWeights, held, layer_weights
from llmscale.runtimes.llama_cpp.settings import Offload
from llmscale.runtimes.llama_cpp.simulate import facts
from llmscale.runtimes.placed import DRAFT
from llmscale.runtimes.subject import Exact

#: The matrix behind attention, as files call it.
OUT = "attn_output.weight"


class Prediction(NamedTuple):
    """The layer, and the context that it runs in.

    Attributes:
        alone: a model of this layer alone.
        weights: bytes of it.
        most: tokens that it proposes at once; None where nobody said.
    """

    alone: ModelFacts
    weights: int
    most: int | None

    @property
    def kind(self) -> str:
        return DRAFT

    def on_devices(self, work: Workload, budgets: Sequence[int], alike: bool) -> Sequence[int]:
        return [*[0] * (len(budgets) - 1), self._held(work).total]

    def words(self) -> list[str]:
        return ["--spec-type", MTP, *(["--spec-draft-n-max", str(self.most)] if self.most else [])]

    def explain(self, work: Workload, release: str) -> str:
        taken = self._held(work)
        return (
            f"  draft = {taken.total:,} bytes on the last device: {taken.weights:,} of the layer that predicts further "
            f"tokens, {taken.cache:,} of its cache in F16, {taken.compute:,} of its compute buffer; each state of the "
            f"model is kept {1 + drafted(work)} times (modelled: llama.cpp {release})"
        )

    def _held(self, work: Workload) -> Held:
        own = work.with_options(spec_type=None, spec_draft_n_max=None, mmproj=None, n_cpu_moe=None)
        own = own._replace(kv=number_format("fp16"), kv_v=None)
        weights = LayerWeights((self.weights,), (0,), 0, 0, 0)
        return held(self.alone, settings_of(own), weights, Offload(devices=1))[0]


def prediction_of(subject: Exact, most: int | None) -> Prediction:
    """The layer of `subject` that predicts further tokens: one more of the last one's kind, behind a projection.

    Its matrices have the formats of the last layer's, as a file of one recipe has them, and the projection that of the
    matrix behind attention: llama-quantize has a rule for neither.

    Raises:
        UnsupportedModelError: a model without such a layer, or of a family that is not known to be loaded with it.
        UsageError: a format that is no GGUF file.
    """
    spec = subject.spec
    if not spec.prediction_layers:
        raise UnsupportedModelError(f"{spec.name} has no layer that predicts further tokens to speculate with.")
    if spec.family not in PREDICTING:
        raise UnsupportedModelError(f"What llama.cpp holds of {spec.name}'s layer for further tokens was not read.")
    if subject.quant.kind != "gguf":
        raise UsageError(f"llama.cpp loads no model in {subject.quant.name}.", "Name a GGUF quant, such as q4_k_m.")
    known, last = facts(spec), spec.layers - 1
    behind = next(form for group, form in subject.stored if last in group.layers and group.name.endswith(OUT))
    size = layer_weights(subject.stored, len(known.layers)).layers[last]
    return Prediction(known._replace(layers=known.layers[-1:]), size + behind.size((projection(spec),)), most)
