"""What each block keeps between tokens on one rank, by hand; and how many devices a layout takes."""

from __future__ import annotations

import pytest

from llmscale.model.blocks.attention import Attention, Indexer, LatentAttention
from llmscale.model.blocks.linear_attention import GatedDeltaNet, KimiDeltaAttention, LightningAttention
from llmscale.model.blocks.recurrent import Mamba, Mamba2, ShortConvolution
from llmscale.model.spec import Block
from llmscale.quantity import Quantity
from llmscale.runtimes.parallel.blocks import CacheKind, Keeping, kept
from llmscale.runtimes.parallel.ranks import Parallel
from llmscale.runtimes.parallel.shards import Whole, shards
from llmscale.runtimes.placed import CACHE, STATE, WEIGHTS, gathered
from llmscale.sources.registry import load

ALONE, FOUR = Keeping(state_bytes=4), Keeping(4, state_bytes=4)
DELTA = KimiDeltaAttention(hidden=2304, heads=32, head_dim=128, conv=4)
GATED = GatedDeltaNet(2048, 16, 32, 128, 128, 4)
SCAN = Mamba2(1536, 48, 64, 1, 128, 4)


@pytest.mark.parametrize(
    ("block", "how", "state"),
    [
        # Three inputs of Q, K and V of all heads in 16 bits, and a matrix a head in FP32.
        (DELTA, ALONE, 3 * 4096 * 3 * 2 + 32 * 128 * 128 * 4),
        (DELTA, FOUR, 3 * 1024 * 3 * 2 + 8 * 128 * 128 * 4),
        (DELTA, Keeping(speculated=2), 3 * 4096 * 5 * 2 + 32 * 128 * 128 * 4),
        (GATED, ALONE, (2 * 16 + 32) * 128 * 3 * 2 + 32 * 128 * 128 * 4),
        (GATED, FOUR, (2 * 4 + 8) * 128 * 3 * 2 + 8 * 128 * 128 * 4),
        (GATED, Keeping(speculated=3), (2 * 16 + 32) * 128 * 6 * 2 + 32 * 128 * 128 * 2),
        # One group, which every rank has.
        (SCAN, ALONE, (48 * 64 + 2 * 128) * 3 * 2 + 48 * 64 * 128 * 4),
        (SCAN, FOUR, (12 * 64 + 2 * 128) * 3 * 2 + 12 * 64 * 128 * 4),
        (SCAN, Keeping(speculated=1), (48 * 64 + 2 * 128) * 4 * 2 + 48 * 64 * 128 * 2),
        (Mamba(768, 1536, 16, 4, 48), ALONE, 1536 * 3 * 2 + 1536 * 16 * 4),
        (Mamba(768, 1536, 16, 4, 48), FOUR, 384 * 3 * 2 + 384 * 16 * 4),
        (LightningAttention(6144, 64, 96), ALONE, 64 * 96 * 96 * 2),
        (ShortConvolution(1024, 3), FOUR, 256 * 2 * 2),
    ],
)
def test_states(block: Block, how: Keeping, state: int) -> None:
    assert kept(block, how) == CacheKind((), 0, state)


def test_tokens() -> None:
    heads = Attention(4096, 32, 8, 128, window=1024)
    assert kept(heads, Keeping()) == CacheKind((), 2 * 8 * 128 * 2, window=1024)
    assert kept(heads, Keeping(16, kv_bytes=1)) == CacheKind((), 2 * 128, window=1024)
    cross = Attention(4096, 32, 8, 128, v_head_dim=64, source="cross")
    assert kept(cross, Keeping()) == CacheKind((), 8 * (128 + 64) * 2, crossed=True)
    latent = LatentAttention(7168, 128, 1536, 512, 128, 64, 128)
    assert kept(latent, Keeping(8)) == CacheKind((), 576 * 2, latent=True)
    assert kept(latent, Keeping(8, kv_bytes=1)) == CacheKind((), 576, latent=True)
    assert kept(latent, Keeping(8, kv_bytes=1, sparse=True)) == CacheKind((), 656, latent=True)
    assert kept(latent, Keeping(8, sparse=True)) == CacheKind((), 576 * 2, latent=True)
    # Keys in FP8, a scale for each 128 of them.
    assert kept(Indexer(7168, 1536, 64, 128), Keeping(8)) == CacheKind((), 128 + 4, latent=True)
    assert kept(Indexer(7168, 1536, 64, 192), Keeping(8)) == CacheKind((), 192 + 8, latent=True)


def test_a_layout_takes_the_product_of_its_ranks() -> None:
    assert Parallel(2, 3, 4).devices == 24
    assert Parallel().devices == 1


def test_towers_stand_on_the_first_stage_alone() -> None:
    spec = load("qwen2.5-vl-7b").known()
    first, last = (
        {shard.group.component for shard in shards(spec, Whole(), Parallel(pipeline=2), stage)} for stage in (0, 1)
    )
    assert {"vision", "projector"} <= first
    assert not {"vision", "projector"} & last


def test_a_part_of_no_bytes_is_none() -> None:
    nothing, some = Quantity.exactly(0), Quantity.exactly(5)
    assert [part.kind for part in gathered(((CACHE, some), (WEIGHTS, nothing), (STATE, nothing)))] == [CACHE]
    perhaps = nothing._replace(high=7)
    assert [part.kind for part in gathered(((CACHE, some), (WEIGHTS, perhaps)))] == [WEIGHTS, CACHE]
