"""llama.cpp's memory besides the weights: cache, state, compute buffers and output buffer of each device.

These are the figures that it prints when it starts, to the byte, for every architecture whose graph is known
(`ModelFacts.known`); for another one the compute buffers are those of the nearest graph.

Source: llama.cpp commit 0c1e57098; held against tests/truth/llamacpp_measured.json.
"""

from __future__ import annotations

from llmscale.records import NamedTuple
from llmscale.runtimes.llama_cpp.facts import LatentAttentionFacts, ModelFacts
from llmscale.runtimes.llama_cpp.settings import LlamaCppSettings, Offload
from llmscale.runtimes.llama_cpp.simulator import cells
from llmscale.runtimes.llama_cpp.simulator.assemble import assemble
from llmscale.runtimes.llama_cpp.simulator.context import GraphContext
from llmscale.runtimes.llama_cpp.simulator.ggml_types import CUDA_ALIGN, HOST_ALIGN, block, is_quantized
from llmscale.runtimes.llama_cpp.simulator.layers import is_pipelined, layer_devices, placed_layers, shortened
from llmscale.runtimes.llama_cpp.simulator.schedule import PIPELINE_COPIES, Backends, reserve

#: Everything on the host.
HOST = Offload()


class Buffers(NamedTuple):
    """Bytes of each device, the host last.

    Attributes:
        cache: KV cache.
        state: recurrent state.
        compute: compute buffer.
        output: buffer that logits are handed over in, on the host.
    """

    cache: tuple[int, ...]
    state: tuple[int, ...]
    compute: tuple[int, ...]
    output: int

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.cache) + sum(self.state) + sum(self.compute) + self.output


def settled(facts: ModelFacts, settings: LlamaCppSettings) -> LlamaCppSettings:
    """The settings as llama.cpp changes them for a model."""
    return settings if facts.flash else settings._replace(flash_attention=False)


def refusal(facts: ModelFacts, settings: LlamaCppSettings) -> str | None:
    """Why llama.cpp would refuse the settings, in its words; None when it would not."""
    s = settled(facts, settings)
    if any(isinstance(layer.mixer, LatentAttentionFacts) for layer in facts.layers) and s.type_k != s.type_v:
        return f"model does not support different K ({s.type_k}) and V ({s.type_v}) cache types"
    if is_quantized(s.type_v) and not s.flash_attention:
        return "quantized V cache requires flash_attn to be enabled"
    if s.flash_attention:
        for letter, kind, head in (
            one for layer in facts.layers for one in zip("KV", (s.type_k, s.type_v), layer.heads(), strict=True)
        ):
            elements, _ = block(kind)
            if head % elements:
                name = f"n_embd_head_{letter.lower()}"
                return f"{letter} cache type {kind} with block size {elements} does not divide {name}={head}"
    return None


def compute_bytes(facts: ModelFacts, settings: LlamaCppSettings, offload: Offload = HOST) -> tuple[int, ...]:
    """Bytes of the compute buffer of each device, the host last."""
    settings = settled(facts, settings)
    layers = placed_layers(facts, offload)
    if not any(isinstance(layer.mixer, LatentAttentionFacts) and layer.mixer.indexer for layer in facts.layers):
        layers = shortened(layers)
    output_device = layer_devices(len(facts.layers), offload)[-1]
    graph = assemble(GraphContext(facts, settings, offload, layers, output_device))
    copies = PIPELINE_COPIES if is_pipelined(facts, offload, settings.kv_offload) else 1
    align = alignments(offload)
    return tuple(
        reserve(graph, Backends(offload.devices + 1, align, settings.op_offload, copies, reorders=offload.vulkan))
    )


def alignments(offload: Offload) -> tuple[int, ...]:
    """Alignment of each device's buffer, the host's last."""
    return (CUDA_ALIGN if offload.cuda else HOST_ALIGN,) * offload.devices + (HOST_ALIGN,)


def buffers(facts: ModelFacts, settings: LlamaCppSettings, offload: Offload = HOST) -> Buffers:
    """Everything that llama.cpp takes besides the weights."""
    settings = settled(facts, settings)
    cache, state = [0] * (offload.devices + 1), [0] * (offload.devices + 1)
    count = len(facts.layers)
    devices = layer_devices(count, offload) if settings.kv_offload else [offload.host] * count
    plain, padded = (cells.cache_bytes(facts, settings, cuda) for cuda in (False, offload.cuda))
    for number, recurrent in enumerate(cells.state_bytes(facts, settings)):
        device = devices[number]
        cache[device] += (plain if device == offload.host else padded)[number]
        state[device] += recurrent
    output = cells.output_bytes(facts, settings)
    return Buffers(tuple(cache), tuple(state), compute_bytes(facts, settings, offload), output)
