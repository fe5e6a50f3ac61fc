"""Blocks and groups of a paged cache, counted by hand."""

from __future__ import annotations

import pytest

from llmscale.errors import UnsupportedModelError
from llmscale.model.spec import ModelSpec
from llmscale.runtimes.parallel.blocks import CacheKind, Keeping
from llmscale.runtimes.parallel.paging import Paging, kinds, layout
from llmscale.runtimes.parallel.ranks import ALONE, Parallel
from tests.helpers import tiny_spec
from tests.runtimes.vllm.rows import model

STEP = 8192


def planned(
    spec: ModelSpec, context: int, parallel: Parallel = ALONE, **how: int
) -> tuple[list[tuple[int, int, int]], tuple[int, ...]]:
    plan = layout(kinds(spec, Keeping(parallel.tensor, **how)), spec.layers, context, Paging(STEP), parallel)
    return [(len(g.layers), g.block_size, g.request_blocks) for g in plan.groups], plan.stage_block_bytes


def test_alike_layers_are_one_group() -> None:
    assert planned(model("llama-3.1-8b"), 8192) == ([(32, 16, 512)], (32 * 16 * 2 * 8 * 128 * 2,))
    assert planned(model("llama-3.1-8b"), 100, kv_bytes=1) == ([(32, 16, 7)], (32 * 16 * 2 * 8 * 128,))


def test_kv_heads_are_repeated_where_there_are_fewer_than_ranks() -> None:
    assert planned(model("llama-3.1-8b"), 16, parallel=Parallel(8))[1] == (32 * 16 * 2 * 128 * 2,)
    assert planned(model("llama-3.1-8b"), 16, parallel=Parallel(16))[1] == (32 * 16 * 2 * 128 * 2,)


def test_latents_are_whole_on_every_rank() -> None:
    for tensor in (1, 8):
        assert planned(model("deepseek-r1"), 16, parallel=Parallel(tensor))[1] == (61 * 16 * 576 * 2,)


def test_sparse_latents_in_fp8_and_the_indexer_beside_them() -> None:
    assert planned(model("deepseek-v3.2"), 16, kv_bytes=1)[1] == (61 * 16 * (656 + 132),)


def test_windows_make_groups_of_the_smaller_kind() -> None:
    """Gemma 3 27B: 10 full layers, 52 with a window of 1,024 in six groups; a request holds a window and a step."""
    groups, page = planned(model("gemma-3-27b"), 32768)
    assert sorted(groups) == [(8, 16, 577)] * 2 + [(9, 16, 577)] * 4 + [(10, 16, 2048)]
    assert page == (10 * 16 * 2 * 16 * 128 * 2,)


def test_pages_that_cannot_be_made_equal_are_refused() -> None:
    odd = [CacheKind((0,), 96, window=None), CacheKind((1,), 64, window=8)]
    with pytest.raises(UnsupportedModelError, match="Cannot unify"):
        layout(odd, tiny_spec().layers, 16, Paging(8))


def test_pages_are_made_equal_by_longer_blocks() -> None:
    """MiMo's windows have twice the KV heads of its full layers, so a full layer's block holds 32 tokens."""
    groups, _ = planned(model("mimo-v2-flash"), 8192)
    assert {(size, asked) for _, size, asked in groups} == {(32, 256), (16, 513)}


def test_what_is_not_modelled_is_refused() -> None:
    for name in ("t5-base", "rwkv-4-7b"):
        with pytest.raises(UnsupportedModelError):
            kinds(model(name), Keeping())
