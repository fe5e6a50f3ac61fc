"""What llama.cpp makes of a model."""

from __future__ import annotations

from llmscale.runtimes.llama_cpp.read import facts_of
from llmscale.sources.registry import load


def test_an_architecture_without_a_graph_says_so() -> None:
    assert not facts_of(load("zamba2-2.7b").known()).known
    assert facts_of(load("llama-3.1-8b").known()).known


def test_the_width_of_the_embedding_of_each_layer() -> None:
    assert facts_of(load("gemma-3n-e2b").known()).per_layer == 256
    assert facts_of(load("llama-3.1-8b").known()).per_layer == 0
