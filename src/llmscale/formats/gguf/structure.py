"""What llama.cpp's metadata says of a model's structure: heads, layers, and what passes for a 70B."""

from __future__ import annotations

from llmscale.blocks.attention import Attention, LatentAttention
from llmscale.spec import ModelSpec

#: Architectures whose metadata give the KV heads layer by layer, none for a layer without attention.
BY_LAYER = {"jamba", "lfm2", "lfm2moe", "nemotron_h", "nemotron_h_moe", "granitehybrid", "kimi-linear", "openelm"}


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
    kv_heads = 1 if isinstance(block, LatentAttention) else block.kv_heads
    return block.heads // kv_heads


def layers_all(spec: ModelSpec) -> int:
    """Layers by the metadata."""
    return spec.layers


def is_seventy_b(arch: str, spec: ModelSpec, experts: int) -> bool:
    """Whether src/models/*.cpp set the type to 70B: 80 layers in four architectures."""
    if arch == "jais2":
        return spec.layers == 68
    if spec.layers != 80 or arch not in ("llama", "qwen2", "deci", "olmo"):
        return False
    return arch != "llama" or (experts != 8 and gqa(arch, spec) > 1)
