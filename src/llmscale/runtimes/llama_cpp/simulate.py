"""llama.cpp's buffers of a model whose tensors are at hand, from what a user asks."""

from __future__ import annotations

from functools import cache, lru_cache

from llmscale.errors import UsageError
from llmscale.model.spec import ModelSpec
from llmscale.runtimes.llama_cpp.facts import (
    AttentionFacts,
    ExpertsFacts,
    LatentAttentionFacts,
    LayerFacts,
    MlpFacts,
    ModelFacts,
)
from llmscale.runtimes.llama_cpp.read import facts_of
from llmscale.runtimes.llama_cpp.settings import LlamaCppSettings, Offload
from llmscale.runtimes.llama_cpp.simulator.buffers import refusal

#: Everything on one CUDA device.
ONE = Offload(devices=1)


@cache
def facts(spec: ModelSpec) -> ModelFacts:
    """What llama.cpp makes of the model, read once."""
    return facts_of(spec)


@cache
def refuse(spec: ModelSpec, settings: LlamaCppSettings) -> None:
    """Raises:
    UsageError: settings that llama.cpp refuses, in its words.
    """
    if why := refusal(facts(spec), settings):
        raise UsageError(f"llama.cpp refuses these settings for {spec.name}: {why}.", "Change --kv-dtype.")


@lru_cache(maxsize=1024)
def activations(facts: ModelFacts) -> int:
    """Values that one token's widest multiplication reads."""
    return max((_widest(facts, layer) for layer in facts.layers), default=facts.hidden)


def _widest(facts: ModelFacts, layer: LayerFacts) -> int:
    widths = [facts.hidden]
    match layer.mixer:
        case AttentionFacts() | LatentAttentionFacts() as a:
            widths.append(a.heads * a.value)
    match layer.ffn:
        case MlpFacts() as m:
            widths.append(m.width)
        case ExpertsFacts() as e:
            widths += [e.used * max(e.latent or facts.hidden, e.width), e.shared, e.dense]
    return max(widths)
