"""vLLM's start: its parts add up, and options go before defaults."""

from __future__ import annotations

from typing import Any

import pytest

from llmscale.runtimes.vllm.cache import CacheCapacity
from llmscale.runtimes.vllm.releases import Batch
from llmscale.runtimes.vllm.startup import Card, Startup, VllmSettings, startup
from llmscale.units import GIB
from tests.runtimes.vllm.rows import model, plain


def llama(**options: Any) -> Startup:
    return startup(model("llama-3.1-8b"), plain(2), Card(80 * GIB), VllmSettings(8192, **options))


def test_the_parts_add_up_to_what_was_asked_for() -> None:
    stage = llama(utilization=0.5).stages[0]
    assert stage.weights + stage.activations + stage.non_torch + stage.kv_cache == 40 * GIB


def test_later_releases_take_cuda_graphs_from_the_cache() -> None:
    old, new, eager = (
        llama(utilization=0.9, version=v, eager=e) for v, e in (("0.19", False), ("0.20", False), ("0.20", True))
    )
    assert old.stages[0].kv_cache - new.stages[0].kv_cache == new.stages[0].graphs > 0
    assert eager.stages[0].kv_cache == old.stages[0].kv_cache
    assert eager.stages[0].graphs == 0


def test_options_go_before_defaults() -> None:
    found = llama(max_num_batched_tokens=2048, max_num_seqs=16)
    assert found.batch == Batch(2048, 16)
    assert found.utilization == 0.9
    assert found.stages[0].activations < llama().stages[0].activations
    assert llama(max_num_batched_tokens=64).batch == Batch(64, 64)


def test_a_model_that_is_too_large_leaves_no_cache() -> None:
    found = startup(model("llama-3.1-70b"), plain(2), Card(80 * GIB), VllmSettings(8192))
    assert (found.stages[0].kv_cache, found.capacity) == (0, CacheCapacity(0, 0, 0.0))


def test_a_request_takes_its_share_of_the_cache() -> None:
    found = llama()
    assert found.request_bytes == 8192 * 131072
    assert found.capacity.concurrency == pytest.approx(found.stages[0].kv_cache / found.request_bytes, rel=1e-3)
