"""What a ggml backend allows: under Vulkan no tensor may be larger than the driver allocates at once.

What a graph computes with is put into as many buffers as it takes, up to 16, but a tensor lies in one
(ggml/src/ggml-alloc.c, `ggml_dyn_tallocr_new_chunk`; ggml-vulkan.cpp, `ggml_vk_create_buffer` refuses a larger one).
Releases of before autumn 2025 had one buffer, so that what is less than this did not load there either: ggml-org/
llama.cpp issue 11598. AMD's driver allocates 4 GiB at once (that issue and 15009); it is taken for the other drivers.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.formats.weights import ON_HOST
from llmscale.notes import note
from llmscale.records import NamedTuple
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.llama_cpp.facts import AttentionFacts, LatentAttentionFacts
from llmscale.runtimes.llama_cpp.info import VULKAN
from llmscale.runtimes.llama_cpp.load import Load
from llmscale.runtimes.llama_cpp.settings import Offload
from llmscale.runtimes.llama_cpp.simulator.cells import cells
from llmscale.runtimes.llama_cpp.simulator.ggml_types import buffer_bytes
from llmscale.runtimes.placed import Limit, Verdict
from llmscale.runtimes.subject import Exact
from llmscale.units import GIB

#: The most that one tensor may take under Vulkan.
LARGEST = 4 * GIB - 1
#: Bytes of a score of attention.
SCORE = 4


class Largest(NamedTuple):
    """A tensor: ``weights``, ``cache`` or ``scores``, and its bytes."""

    what: str
    size: int


def limit(subject: Exact, work: Workload, load: Load, offload: Offload) -> Limit | None:
    """What the backend forbids of what lies on devices; None where nothing is too large."""
    if work.option("backend") != VULKAN or offload.gpu_layers == 0:
        return None
    found = max((*_weights(subject, load, offload), *_attention(load)), key=lambda one: one.size, default=None)
    if found is None or found.size <= LARGEST:
        return None
    return Limit(note("one_allocation", what=found.what, size=found.size, most=LARGEST + 1), Verdict.NO)


def _weights(subject: Exact, load: Load, offload: Offload) -> Iterator[Largest]:
    """The experts of a layer are one tensor for each of their matrices."""
    for group, form in subject.stored:
        kept = group.component == "experts" and all(map(offload.keeps_experts, group.layers))
        if group.name not in ON_HOST and not kept:
            yield Largest("weights", form.size(group.shape) * group.experts)


def _attention(load: Load) -> Iterator[Largest]:
    """K and V of a layer, and the scores of a step where attention is not one operation."""
    settings, of_stream = load.settings, cells(load.facts, load.settings)
    for layer in load.facts.layers:
        count = of_stream.window if layer.windowed else of_stream.full
        if settings.kv_offload:
            keys, values = layer.cached()
            for kind, width in ((settings.type_k, keys), (settings.type_v, values)):
                yield Largest("cache", buffer_bytes(kind, width, settings.streams * count, cuda=False))
        match layer.mixer:
            case AttentionFacts() | LatentAttentionFacts() as attention if not settings.flash_attention:
                yield Largest("scores", attention.heads * settings.ubatch * count * SCORE)
