"""Models that several tests build graphs of."""

from __future__ import annotations

from llmscale.runtimes.llama_cpp.facts import AttentionFacts, LayerFacts, MlpFacts, ModelFacts

LAYER = LayerFacts(AttentionFacts(32, 8, 128, 128), MlpFacts(14336))
LLAMA = ModelFacts("llama", 4096, 128256, (LAYER,) * 32)
WINDOWED = LLAMA._replace(layers=(LAYER._replace(windowed=True), LAYER) * 16, window=128)
