"""What blocks mean to llama.cpp: which of them have an entry, and what it says."""

from __future__ import annotations

import pkgutil
from dataclasses import replace
from importlib import import_module
from inspect import getmembers, isclass

from llmscale.model import blocks
from llmscale.model.blocks.attention import Attention, LatentAttention
from llmscale.model.blocks.linear import Linear, Parameter
from llmscale.model.blocks.mlp import GatedMlp, MixtureOfExperts, Mlp
from llmscale.runtimes.llama_cpp.blocks import Mark, SelfAttention, SharedExpert, block_facts
from llmscale.runtimes.llama_cpp.facts import AttentionFacts, ExpertsFacts, LatentAttentionFacts, MlpFacts
from llmscale.runtimes.llama_cpp.styles import Style

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


PLAIN = Style("made")


def test_attention_by_its_norms_and_what_it_keeps() -> None:
    heads = {"heads": 8, "kv_heads": 2, "head_dim": 64}
    plain = Attention(512, **heads)

    def facts(block: Attention, style: Style = PLAIN) -> AttentionFacts:
        found = block_facts(block, style)
        assert isinstance(found, SelfAttention)
        return found.facts

    assert facts(plain) == AttentionFacts(8, 2, 64, 64)
    # A norm of each head's elements, or of all heads' together; one of Q alone is one.
    for widths, norm in (((64, 64), "head"), ((512, 128), "row"), ((64, 0), "head"), ((0, 0), "")):
        assert facts(replace(plain, qk_norm=widths)).norm == norm
    # An architecture's own way of norming is of those that have norms.
    late = PLAIN._replace(attention={"norm": "late"})
    assert facts(plain, late).norm == ""
    assert facts(replace(plain, qk_norm=(64, 64)), late).norm == "late"
    assert facts(replace(plain, v_head_dim=96)).value == 96
    assert facts(replace(plain, names=("q", "k", "o"))).values == "key"
    assert facts(replace(plain, names=("qkv", "o"))).values == facts(plain).values
    assert facts(replace(plain, query_gate=True)).gate == "query"
    assert facts(replace(plain, sinks=True)).sinks
    assert facts(replace(plain, owns_kv=False)).borrowed
    assert not facts(plain).borrowed
    windowed = block_facts(replace(plain, window=128), PLAIN)
    assert isinstance(windowed, SelfAttention)
    assert windowed.window == 128
    for other in (replace(plain, cached=False), replace(plain, source="cross")):
        assert block_facts(other, PLAIN) is None


def test_mixtures_and_what_stands_beside_them() -> None:
    plain = MixtureOfExperts(512, 128, 16, 4)
    assert block_facts(plain, PLAIN) == ExpertsFacts(16, 4, 128)
    gated = replace(plain, shared=256, shared_gate="shared_expert_gate", correction_bias="bias")
    assert block_facts(gated, PLAIN) == ExpertsFacts(16, 4, 128, biased=True, shared=256, shared_gate="sigmoid")
    assert block_facts(replace(plain, shared=256), PLAIN) == ExpertsFacts(16, 4, 128, shared=256)
    assert block_facts(replace(plain, latent=64, gated=False), PLAIN) == ExpertsFacts(
        16, 4, 128, gated=False, latent=64
    )
    sigmoid = PLAIN._replace(experts={"router": "sigmoid", "normed": False}, shared_gate="silu")
    told = ExpertsFacts(16, 4, 128, router="sigmoid", normed=False, biased=True, shared=256, shared_gate="silu")
    assert block_facts(gated, sigmoid) == told


def test_feed_forwards() -> None:
    assert block_facts(GatedMlp(512, 2048), PLAIN) == MlpFacts(2048, "gated")
    assert block_facts(GatedMlp(512, 2048), PLAIN._replace(ffn="fused")) == MlpFacts(2048, "fused")
    assert block_facts(Mlp(512, 2048), PLAIN._replace(ffn="fused")) == MlpFacts(2048, "plain")
    assert block_facts(GatedMlp(512, 300, component="shared_experts"), PLAIN) == SharedExpert(300)


def test_latents_turn_unless_no_layer_does() -> None:
    block = LatentAttention(512, 8, None, 256, 64, 32, 64)
    assert block_facts(block, PLAIN) == LatentAttentionFacts(8, 0, 256, 32, 64, 64, True)
    assert block_facts(replace(block, q_rank=96), PLAIN._replace(unrotated=1)) == (
        LatentAttentionFacts(8, 96, 256, 32, 64, 64, False)
    )


def test_parameters_that_change_what_stands_beside_them() -> None:
    assert block_facts(Parameter("attention.sinks", (8,)), PLAIN) is Mark.SINKS
    assert block_facts(Parameter("norm", (8,)), PLAIN) is None
    assert block_facts(Linear("router.shared_gate", 1, 512), PLAIN) is Mark.SHARED_GATE
    assert block_facts(Linear("router.weight", 8, 512), PLAIN) is None
