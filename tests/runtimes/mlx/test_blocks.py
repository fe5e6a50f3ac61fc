"""Layers as MLX's graph has them, out of the blocks."""

from __future__ import annotations

from llmscale.model.blocks.attention import Attention
from llmscale.model.shape import LayerCache, Shape
from llmscale.runtimes.mlx.blocks import parts_of
from llmscale.runtimes.mlx.layers import assumed, layers_of
from llmscale.runtimes.mlx.parts import Attend, Feed, Latent, Layer, Recur
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


def test_what_attends_to_another_input_or_keeps_nothing_is_not_cached() -> None:
    heads = {"heads": 4, "kv_heads": 2, "head_dim": 64}
    own, cross, encoder = (
        Attention(256, **heads),
        Attention(256, **heads, source="cross"),
        Attention(256, **heads, cached=False),
    )
    for block, cached in ((own, True), (cross, False), (encoder, False)):
        assert parts_of(block, 256, True) == Layer((Attend(4, 64, 64, 256, 128, 128, cached=cached),))
    (borrowed,) = parts_of(Attention(256, **heads, owns_kv=False), 256, True).mixers
    assert borrowed == Attend(4, 64, 64, 256, 0, 0)
    wide = Attention(256, **heads, v_head_dim=96, window=512)
    assert parts_of(wide, 256, True).mixers == (Attend(4, 64, 96, 256, 128, 192, 512),)
    assert parts_of(wide, 256, False).mixers == (Attend(4, 64, 96, 256, 128, 192),)


def shape(*caches: LayerCache, layers: int = 4) -> Shape:
    return Shape(layers, 1120, 3000, 32_000, None, None, caches)


FEED = (Feed(3000, True),)


def test_of_a_shape_without_caches_all_layers_are_alike() -> None:
    """An encoder: eight heads of 128 in 1,120 elements, of which nothing is kept."""
    layer = Layer((Attend(8, 128, 128, 1120, 1120, 1120, cached=False),), FEED)
    assert assumed(shape(), 8) == (layer,) * 4
    assert assumed(shape(), 3) == (layer,) * 3
    assert assumed(shape(layers=0), 8) == (layer,)


def test_of_a_shape_its_kinds_stand_in_turn_as_often_as_it_has_them() -> None:
    def layer(window: int | None) -> Layer:
        return Layer((Attend(8, 128, 128, 1120, 512, 256, window),), FEED)

    windowed, full = LayerCache(6, 512, 256, 1024), LayerCache(2, 512, 256)
    slid, whole = layer(1024), layer(None)
    assert assumed(shape(windowed, full, layers=8), 8) == (slid, slid, whole, slid, slid, slid, whole, slid)
    assert assumed(shape(windowed, full, layers=8), 4) == (slid, whole, slid, whole)
    assert assumed(shape(full, layers=8), 8) == (whole, whole)
    # What an encoder's tokens are kept as is no layer of its own.
    cross = LayerCache(2, 512, 256, source="cross")
    assert assumed(shape(full, cross), 8) == (whole, whole)


def test_of_a_shape_a_wide_k_beside_a_narrow_v_is_a_latent() -> None:
    """20 heads in 1,120 elements, as DeepSeek-V3 has 128 in 7,168; 512 of the latent and 64 of rotary key."""
    (layer,) = assumed(shape(LayerCache(1, 512, 64)), 1)
    assert layer.mixers == (Latent(20, None, 512, 128, 64, 128),)
    (layer,) = assumed(shape(LayerCache(1, 512, 0)), 1)
    assert layer.mixers == (Attend(8, 128, 128, 1120, 512, 0),)
