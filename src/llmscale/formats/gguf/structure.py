"""What llama.cpp's metadata says of a model's structure: heads, layers, and what passes for a 70B."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.formats.gguf.names import architecture_of
from llmscale.model.blocks.attention import Attention, LatentAttention
from llmscale.model.blocks.recurrent import Mamba2
from llmscale.model.inventory import Inventory
from llmscale.model.spec import ModelSpec

#: Architectures whose metadata give the KV heads layer by layer, none for a layer without attention.
BY_LAYER = {"jamba", "lfm2", "lfm2moe", "nemotron_h", "nemotron_h_moe", "granitehybrid", "kimi-linear", "openelm"}


def architecture(spec: ModelSpec, parts: Inventory) -> str:
    """llama.cpp's name of the architecture; empty when there is none that was checked."""
    arch = architecture_of(spec.family, spec.text_family)
    if arch == "bailingmoe" and any("query_layernorm" in group.name for group in parts.groups):
        return "bailingmoe2"  # Ling 2.0 goes by the model type of the first
    if arch == "nemotron_h_moe" and not any(group.component == "experts" for group in parts.groups):
        return "nemotron_h"
    if spec.family == "granitemoehybrid" and not any(isinstance(placed.block, Mamba2) for placed in spec.placed):
        return "granite"
    return arch


def attentions(spec: ModelSpec) -> Iterator[Attention | LatentAttention]:
    """The attention blocks of the text model."""
    return (p.block for p in spec.placed if p.tower is None and isinstance(p.block, (Attention, LatentAttention)))


def first_attention(spec: ModelSpec) -> tuple[int, Attention | LatentAttention] | None:
    """The first layer that has attention, and its block."""
    found = [
        (min(placed.layers, default=0), placed.block)
        for placed in spec.placed
        if placed.tower is None and isinstance(placed.block, (Attention, LatentAttention))
    ]
    return min(found, key=lambda pair: pair[0]) if found else None


def gqa(arch: str, spec: ModelSpec) -> int:
    """Query heads per KV head in layer 0: MLA counts as one KV head."""
    found = first_attention(spec)
    if found is None:
        return 0
    layer, block = found
    if layer and arch in BY_LAYER:
        return 0
    if arch == "minicpm3":
        return 1
    kv_heads = 1 if isinstance(block, LatentAttention) or arch == "starcoder" else block.kv_heads
    return block.heads // kv_heads


def layers_all(arch: str, spec: ModelSpec) -> int:
    """Layers by the metadata: of T5, those of the encoder."""
    if arch == "t5":
        return max(layer for p in spec.placed if p.prefix.startswith("encoder.") for layer in p.layers) + 1
    return spec.layers


def is_seventy_b(arch: str, spec: ModelSpec, experts: int) -> bool:
    """Whether src/models/*.cpp set the type to 70B: 80 layers in four architectures."""
    if arch == "jais2":
        return spec.layers == 68
    if spec.layers != 80 or arch not in ("llama", "qwen2", "deci", "olmo"):
        return False
    return arch != "llama" or (experts != 8 and gqa(arch, spec) > 1)
