"""Layers as MLX's graph has them, out of the blocks."""

from __future__ import annotations

from llmscale.runtimes.mlx.blocks import parts_of
from llmscale.runtimes.mlx.layers import layers_of
from llmscale.runtimes.mlx.parts import Attend, Feed, Latent, Recur
from llmscale.sources.registry import load
from tests.runtimes.block_types import BLOCKS

#: Read by their tensors: feed-forward where one is a matrix down, else what mixes tokens.
BY_TENSORS = {
    *("AttentionMixture", "GatedDeltaNet", "Griffin", "Indexer", "KimiDeltaAttention", "LightningAttention", "Mamba"),
    *("PackedAttention", "RwkvChannelMix", "RwkvTimeMix", "ShortConvolution"),
    *("GatedMlp", "MergedExperts", "MixtureOfExperts", "Mlp", "PackedExperts", "StackedExperts"),
    *("ClippedLinear", "Convolution", "Embedding", "Head", "Linear", "Norm", "Parameter", "PatchEmbedding"),
    *("BlockIndexer", "CompressedIndexer", "Compressor", "HyperConnection", "HyperHead", "PoolIndexer", "ProbedTensor"),
    *("PatchMerging", "SharedKeyAttention"),
}


def test_these_blocks_have_no_entry() -> None:
    assert {block.__name__ for block in BLOCKS - parts_of.registry.keys()} == BY_TENSORS


def test_layers_are_read_out_of_the_blocks() -> None:
    (moe,) = layers_of(load("qwen3-30b-a3b").known(), 1)
    assert moe.mixers == (Attend(32, 128, 128, 4096, 512, 512, normed=True),)
    assert moe.feeds == (Feed(768, True, 128, 8),)
    (latent,) = layers_of(load("deepseek-v3").known(), 1)
    assert latent.mixers == (Latent(128, 1536, 512, 128, 64, 128),)
    assert latent.feeds == (Feed(2048, True, 256, 8), Feed(2048, True))
    hybrid = layers_of(load("granite-4.0-h-small").known(), 40)
    assert sum(isinstance(mixer, Recur) and mixer.heads == 128 for layer in hybrid for mixer in layer.mixers) == 36
