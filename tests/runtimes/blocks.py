"""Which blocks a question has an entry for; what has none takes its default."""

from __future__ import annotations

from importlib import import_module
from inspect import getmembers, isclass
from pkgutil import iter_modules
from typing import Any

from llmscale.model import blocks

ATTENTION = {"Attention", "AttentionMixture", "Indexer", "LatentAttention"}
#: Attention that no runtime's own rules know: what it keeps is refused, or the general rule's.
COMPRESSED = {"BlockIndexer", "CompressedIndexer", "Compressor", "PoolIndexer", "SharedKeyAttention"}
RECURRENT = {
    "GatedDeltaNet",
    "Griffin",
    "KimiDeltaAttention",
    "LightningAttention",
    "Mamba",
    "Mamba2",
    "RwkvChannelMix",
    "RwkvTimeMix",
    "ShortConvolution",
}
MLPS = {"GatedMlp", "Mlp"}
EXPERTS = {"MergedExperts", "MixtureOfExperts", "PackedExperts", "StackedExperts"}
#: What stands at the ends of a model, between its layers, or in its towers; and what stands for another block.
OTHERS = {
    "ClippedLinear",
    "Convolution",
    "Embedding",
    "Head",
    "HyperConnection",
    "HyperHead",
    "Linear",
    "Norm",
    "PackedAttention",
    "Parameter",
    "PatchEmbedding",
    "PatchMerging",
    "ProbedTensor",
    "Tied",
}
ALL = ATTENTION | COMPRESSED | RECURRENT | MLPS | EXPERTS | OTHERS


def every_block() -> set[type]:
    """The classes of all building blocks."""
    found = set()
    for module in iter_modules(blocks.__path__):
        name = f"{blocks.__name__}.{module.name}"
        found |= {kind for _, kind in getmembers(import_module(name), isclass) if kind.__module__ == name}
    return {kind for kind in found if hasattr(kind, "tensors")}


def without_entry(question: Any) -> set[str]:
    """The names of the blocks that `question`, a function by kind of block, has no entry for."""
    return {kind.__name__ for kind in every_block() if question.dispatch(kind) is question.dispatch(object)}
