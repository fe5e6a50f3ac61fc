"""vLLM's rules of its cache, and what it reports of it: against its logs, and cases counted by hand."""

from __future__ import annotations

from typing import Any

import pytest

from llmscale.errors import UnsupportedModelError
from llmscale.model.families import from_config
from llmscale.model.spec import ModelSpec
from llmscale.runtimes.parallel.ranks import Parallel
from llmscale.runtimes.vllm.cache import CacheCapacity, capacity, kinds, layout, longest_context
from llmscale.runtimes.vllm.loaded import shards
from llmscale.runtimes.vllm.overhead import captured, graph_bytes, graph_layers
from llmscale.runtimes.vllm.releases import MEASURED, Batch, release
from llmscale.sources.registry import load
from llmscale.units import GIB
from tests.helpers import tiny_spec
from tests.runtimes.vllm.rows import ROWS, model


def planned(spec: ModelSpec, context: int, **options: Any) -> tuple[list[tuple[int, int, int]], tuple[int, ...]]:
    parallel, rules = options.pop("parallel", Parallel()), release(options.pop("version", MEASURED))
    caching = options.pop("prefix_caching", None)
    plan = layout(
        spec, kinds(spec, parallel, **options), context, Batch(8192, 1024), rules, parallel, prefix_caching=caching
    )
    return [(len(g.layers), g.block_size, g.request_blocks) for g in plan.groups], plan.stage_block_bytes


QWEN35_9B = {
    "model_type": "qwen3_5_text",
    "architectures": ["Qwen3_5ForCausalLM"],
    "hidden_size": 4096,
    "intermediate_size": 12288,
    "num_hidden_layers": 32,
    "num_attention_heads": 16,
    "num_key_value_heads": 4,
    "head_dim": 256,
    "linear_num_key_heads": 16,
    "linear_num_value_heads": 32,
    "vocab_size": 248320,
    "max_position_embeddings": 262144,
}


def test_the_stage_with_the_fewest_blocks_decides() -> None:
    spec = tiny_spec(num_hidden_layers=3)
    plan = layout(spec, kinds(spec), 16, Batch(8, 8), release(), Parallel(pipeline=2))
    page = 16 * 2 * 2 * 16 * 2
    assert plan.stage_block_bytes == (2 * page, page)
    assert capacity([20 * page, 9 * page], plan, 32, release()) == CacheCapacity(9, 144, 9.0)


def test_the_longest_context_is_what_a_refused_start_suggests() -> None:
    """Qwen3-Coder-30B, of Qwen3-30B's shape, with 3.18 GiB; its release reckoned as if one stage held all layers."""
    row = next(row for row in ROWS if row.get("estimated_max_len") == 34736)
    spec, batch = model("qwen3-30b-a3b"), Batch(2048, 256)
    low, high = (
        longest_context([int((row["kv_cache_gib"] + half) * GIB)], spec, kinds(spec), 262144, batch, release())
        for half in (-0.005, 0.005)
    )
    assert low <= row["estimated_max_len"] <= high
    assert high - low < 130
    plan = layout(spec, kinds(spec), row["max_model_len"], batch, release())
    assert round(plan.stage_block_bytes[0] * plan.groups[0].request_blocks / GIB, 2) == row["kv_needed_gib_for_max_len"]
    assert longest_context([2**50], spec, kinds(spec), 4096, batch, release()) == 4096
    assert longest_context([0], spec, kinds(spec), 4096, batch, release()) == 0


def test_a_recurrent_state_makes_attention_blocks_as_long_as_itself() -> None:
    """The row of Qwen3.5-9B: 68,640 tokens and 11.91 requests from 4.24 GiB.

    Its shape is recalled, and the row does not say that the cache was FP8 and prefixes were cached: no other reading
    gives its figures.
    """
    row = next(row for row in ROWS if row["model"] == "Qwen/Qwen3.5-9B")
    spec = from_config(QWEN35_9B, "a test")
    groups, (page,) = planned(spec, 16384, kv_bytes=1, state_bytes=4, prefix_caching=True)
    assert sorted(groups) == [(8, 0, 2)] * 3 + [(8, 1056, 16)]
    blocks = int((row["kv_cache_gib"] - 0.005) * GIB) // page
    assert blocks // 4 * 1056 == row["kv_cache_tokens"]
    assert round(blocks / 22, 2) == row["max_concurrency"]


def test_prefixes_are_cached_by_default_from_the_release_that_began_it() -> None:
    spec = from_config(QWEN35_9B, "a test")
    assert [planned(spec, 16384, version=said)[0][0][2] for said in ("0.19", "0.26")] == [1, 2]


def test_later_releases_report_tokens_by_requests() -> None:
    spec = model("gemma-2-27b")
    plan = layout(spec, kinds(spec), 8192, Batch(8192, 1024), release(), Parallel())
    free = [1000 * plan.stage_block_bytes[0]]
    assert capacity(free, plan, 8192, release("0.19")).tokens == 500 * 16
    assert capacity(free, plan, 8192, release("0.20.1")).tokens == int(1000 / (512 + 513) * 8192)


def test_what_whisper_hears_takes_blocks_for_a_whole_step() -> None:
    """28 blocks for 448 tokens of text, and one for every 16 tokens of a step; the embedding is on all ranks."""
    spec = load("whisper-large-v3").known()
    heard, said = sorted(kinds(spec), key=lambda kind: not kind.crossed)
    assert (heard.crossed, said.crossed) == (True, False)
    assert heard.token_bytes == said.token_bytes == 2 * 1280 * 2
    for tokens in (2048, 8192):
        plan = layout(spec, [heard, said], 448, Batch(tokens, 256), release())
        assert sorted(group.request_blocks for group in plan.groups) == sorted((tokens // 16, 28))
        assert plan.stage_block_bytes == (32 * 16 * 2 * 1280 * 2,)
    embedding = [shard for shard in shards(spec, Parallel(4)) if shard.group.role == "embedding.token"]
    assert [shard.shape for shard in embedding] == [(51904, 1280)]
    # Graphs of steps that decode alone, of the decoder's half of the layers.
    sizes = captured(Batch(2048, 256), piecewise=False)
    assert sizes == 35
    assert graph_bytes(graph_layers(spec), Batch(2048, 256)) == pytest.approx(
        (0.419 + 0.0136 * 32) * GIB * 35 / 102, rel=1e-6
    )
    with pytest.raises(UnsupportedModelError):
        kinds(load("bart-large").known())


def test_states_are_as_wide_as_the_config_says() -> None:
    assert load("qwen3.5-35b-a3b").known().state_dtype == "float32"
    assert not load("llama-3.1-8b").known().state_dtype
