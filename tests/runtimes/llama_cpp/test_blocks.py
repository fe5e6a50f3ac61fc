"""What blocks mean to llama.cpp: which of them have an entry."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from inspect import getmembers, isclass

from llmscale.model import blocks
from llmscale.runtimes.llama_cpp.blocks import block_facts

#: Read once for all layers, or computed in place.
OUTSIDE = {"Embedding", "Head", "Norm", "Tied"}
#: Of towers, whose graphs are measured (`towers`).
TOWERS = {"ClippedLinear", "Convolution", "PackedAttention", "PatchEmbedding", "PatchMerging"}
#: Of architectures whose graph is not here.
NO_GRAPH = {
    *("AttentionMixture", "Griffin", "LightningAttention", "RwkvChannelMix", "RwkvTimeMix", "ProbedTensor"),
    *("CompressedIndexer", "Compressor", "HyperConnection", "HyperHead"),
}


def test_every_other_block_has_an_entry() -> None:
    modules = [import_module(f"{blocks.__name__}.{module.name}") for module in pkgutil.iter_modules(blocks.__path__)]
    classes = {
        found
        for module in modules
        for _, found in getmembers(module, isclass)
        if found.__module__ == module.__name__ and hasattr(found, "tensors")
    }
    assert {found.__name__ for found in classes - block_facts.registry.keys()} == OUTSIDE | TOWERS | NO_GRAPH
