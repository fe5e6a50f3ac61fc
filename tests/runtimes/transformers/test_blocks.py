"""What a block means to transformers: which have an entry, and what joins what."""

from __future__ import annotations

from llmscale.model.blocks.attention import Attention, Indexer, LatentAttention
from llmscale.model.blocks.linear import Linear, Parameter
from llmscale.model.blocks.mlp import GatedMlp, MixtureOfExperts, PackedExperts
from llmscale.model.blocks.norm import Norm
from llmscale.runtimes.transformers.blocks import has_code, join, state_bytes, trace
from llmscale.runtimes.transformers.parts import IndexedAttention, RoutedExperts
from tests.runtimes.block_types import BLOCKS

#: Blocks that stand outside the layers of a decoder, or around others.
OUTSIDE = {"ClippedLinear", "Convolution", "Embedding", "Head", "PatchEmbedding", "PatchMerging", "Tied"}
#: Mixers whose code is not traced: JetMoE, Kimi Linear, MiniMax, SigLIP's pooling head; DeepSeek V4, MiniMax-M3,
#: GLM-5.3; and what was derived by machine.
UNTRACED = {
    *("AttentionMixture", "KimiDeltaAttention", "LightningAttention", "PackedAttention", "ProbedTensor"),
    *("BlockIndexer", "CompressedIndexer", "Compressor", "HyperConnection", "HyperHead", "PoolIndexer"),
    "SharedKeyAttention",
}


def test_these_blocks_have_no_entry() -> None:
    known = trace.registry.keys() | join.registry.keys()
    assert {block.__name__ for block in BLOCKS - known} == OUTSIDE | UNTRACED


def test_every_block_that_is_traced_and_has_a_state_says_what_transformers_keeps_of_it() -> None:
    stateful = {block for block in BLOCKS & trace.registry.keys() if hasattr(block, "state")}
    assert stateful
    assert stateful <= state_bytes.registry.keys()


def test_a_part_of_a_layer_is_one_block_or_several_that_belong_together() -> None:
    latent, index = LatentAttention(64, 4, 32, 16, 8, 8, 16), Indexer(64, 32, 4, 16)
    experts, shared = MixtureOfExperts(64, 32, 8, 2), GatedMlp(64, 96, component="shared_experts")
    parts: tuple[object, ...] = ()
    for block in (Norm(64), latent, index, Norm(16), Norm(64), experts, shared, Linear("router.shared_gate", 1, 64)):
        parts = join(block, parts, 64)
    joined = RoutedExperts(64, 32, 8, 2, shared=96)
    assert parts == (Norm(64), IndexedAttention(latent, index), Norm(64), joined)
    assert all(has_code(part) for part in parts if not isinstance(part, Norm))


def test_what_stands_behind_attention_and_belongs_to_it_becomes_part_of_it() -> None:
    (gated,) = join(Linear("attention.gate", 64, 64), (Attention(64, 4, 4, 16),), 64)
    assert gated.query_gate
    (normed,) = join(Parameter("norm", (4, 16)), (Attention(64, 4, 4, 16),), 64)
    assert normed.qk_norm == (16, 16)


def test_experts_in_one_tensor_are_as_wide_as_what_goes_into_the_last_matrix() -> None:
    """However it is stored: (hidden, intermediate), or turned; gate and up together are twice that."""
    for down, turned in (((64, 24), ()), ((24, 64), ("down",))):
        packed = PackedExperts(64, 8, 2, (("up", "gate_up", (48, 64)), ("down", "down", down)), transposed=turned)
        assert join(packed, (), 64) == (RoutedExperts(64, 24, 8, 2),)
