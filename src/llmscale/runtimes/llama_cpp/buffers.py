"""llama.cpp's memory besides the weights: cache, state, compute buffers and output buffer of each device.

These are the figures that it prints when it starts, to the byte, for every architecture whose graph is known
(`Facts.known`); for another one the compute buffers are those of the nearest graph.

Source: llama.cpp commit 0c1e57098; held against tests/truth/llamacpp_measured.json.
"""

from __future__ import annotations

from typing import NamedTuple

from llmscale.runtimes.llama_cpp import cells
from llmscale.runtimes.llama_cpp.cells import QUANTIZED, Settings
from llmscale.runtimes.llama_cpp.facts import Facts, Latent
from llmscale.runtimes.llama_cpp.place import Place, few, homes, pipelined, spots
from llmscale.runtimes.llama_cpp.simulator.build import Builder
from llmscale.runtimes.llama_cpp.simulator.graph import BLOCKS
from llmscale.runtimes.llama_cpp.simulator.schedule import PIPELINE_COPIES, Devices, reserve

#: Everything on the host.
HOST = Place()


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


def settled(facts: Facts, settings: Settings) -> Settings:
    """The settings as llama.cpp changes them for a model."""
    return settings if facts.flash else settings._replace(flash_attention=False)


def refusal(facts: Facts, settings: Settings) -> str | None:
    """Why llama.cpp would refuse the settings, in its words; None when it would not."""
    s = settled(facts, settings)
    if any(isinstance(layer.mixer, Latent) for layer in facts.layers) and s.type_k != s.type_v:
        return f"model does not support different K ({s.type_k}) and V ({s.type_v}) cache types"
    if s.type_v in QUANTIZED and not s.flash_attention:
        return "quantized V cache requires flash_attn to be enabled"
    if s.flash_attention:
        for letter, kind, head in (
            one for layer in facts.layers for one in zip("KV", (s.type_k, s.type_v), layer.heads(), strict=True)
        ):
            if kind in QUANTIZED and head % BLOCKS[kind][0]:
                name = f"n_embd_head_{letter.lower()}"
                return f"{letter} cache type {kind} with block size {BLOCKS[kind][0]} does not divide {name}={head}"
    return None


def compute_bytes(facts: Facts, settings: Settings, place: Place = HOST) -> tuple[int, ...]:
    """Bytes of the compute buffer of each device, the host last."""
    settings = settled(facts, settings)
    layers = spots(facts, place)
    if not any(isinstance(layer.mixer, Latent) and layer.mixer.indexer for layer in facts.layers):
        layers = few(layers)
    graph = Builder(facts, settings, place, layers, homes(len(facts.layers), place)[-1]).build()
    copies = PIPELINE_COPIES if pipelined(facts, place, settings.kv_offload) else 1
    return tuple(reserve(graph, Devices(place.devices + 1, place.align, settings.op_offload, copies)))


def buffers(facts: Facts, settings: Settings, place: Place = HOST) -> Buffers:
    """Everything that llama.cpp takes besides the weights."""
    settings = settled(facts, settings)
    cache, state = [0] * (place.devices + 1), [0] * (place.devices + 1)
    where = homes(len(facts.layers), place) if settings.kv_offload else [place.host] * len(facts.layers)
    plain, padded = (cells.cache_bytes(facts, settings, cuda) for cuda in (False, place.cuda))
    for number, recurrent in enumerate(cells.state_bytes(facts, settings)):
        device = where[number]
        cache[device] += (plain if device == place.host else padded)[number]
        state[device] += recurrent
    output = cells.output_bytes(facts, settings)
    return Buffers(tuple(cache), tuple(state), compute_bytes(facts, settings, place), output)
