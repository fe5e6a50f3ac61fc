"""Attention, or what stands in its place: which part of a graph a layer's mixer is."""

from __future__ import annotations

from llmscale.runtimes.llama_cpp.facts import (
    AttentionFacts,
    DeltaNetFacts,
    KimiDeltaFacts,
    LatentAttentionFacts,
    LayerFacts,
    Mamba2Facts,
    MambaFacts,
    ShortConvFacts,
)
from llmscale.runtimes.llama_cpp.simulator import attention, latent, recurrent
from llmscale.runtimes.llama_cpp.simulator.context import GraphContext
from llmscale.runtimes.llama_cpp.simulator.graph import GraphTensor


def mixer(ctx: GraphContext, x: GraphTensor, layer: LayerFacts) -> GraphTensor:
    """What a layer makes of its neighbours' tokens; `x` itself where it has no mixer."""
    match layer.mixer:
        case AttentionFacts() as a:
            return attention.attention(ctx, x, layer, a)
        case LatentAttentionFacts() as a:
            return latent.latent_attention(ctx, x, a)
        case MambaFacts() as m:
            return recurrent.mamba(ctx, x, layer, m)
        case Mamba2Facts() as m:
            return recurrent.mamba2(ctx, x, layer, m)
        case DeltaNetFacts() as m:
            return recurrent.delta_net(ctx, x, layer, m)
        case KimiDeltaFacts() as m:
            return recurrent.kimi_delta(ctx, x, layer, m)
        case ShortConvFacts() as m:
            return recurrent.short_conv(ctx, x, layer, m)
        case None:
            return x
