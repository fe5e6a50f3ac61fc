"""DeepSeek V4's cache under vLLM, held against what two starts of it said, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from llmscale.errors import UnsupportedModelError
from llmscale.model.blocks.compressed import Compressor, SharedKeyAttention
from llmscale.model.inventory import inventory
from llmscale.model.spec import ModelSpec
from llmscale.runtimes.parallel.blocks import heads, share
from llmscale.runtimes.parallel.ranks import ALONE, Parallel
from llmscale.runtimes.vllm.compressed import is_compressed, kinds, layout
from llmscale.units import GIB
from tests.helpers import TRUTH, good, run
from tests.runtimes.vllm.rows import model

FLASH: ModelSpec = model("deepseek-v4-flash")
PRO: ModelSpec = model("deepseek-v4-pro")
#: ``LLM()`` on a GH200 of 96 GB takes steps of so many tokens.
STEP = 16384


def needed(spec: ModelSpec, context: int, step: int = STEP) -> int:
    plan = layout(spec, context, step, ALONE)
    return plan.request_blocks * plan.stage_block_bytes[0]


def test_a_request_takes_what_a_refused_start_said() -> None:
    rows = json.loads((TRUTH / "vllm.json").read_text())["rows"]
    (row,) = (row for row in rows if row["source"].endswith("/44376") and row.get("estimated_max_len"))
    assert round(needed(FLASH, row["max_model_len"]) / GIB, 2) == row["kv_needed_gib_for_max_len"]
    low, high = (row["kv_cache_gib"] + half for half in (-0.005, 0.005))
    assert low * GIB <= needed(FLASH, row["estimated_max_len"]) <= high * GIB


def test_groups_pages_and_what_waits() -> None:
    plan = layout(FLASH, 30_000, STEP, ALONE)
    assert [len(group.layers) for group in plan.groups] == [41, 22, 21, 21, 20]
    assert [group.request_blocks for group in plan.groups] == [118, 259, 259, 4099, 2065]
    # 22 layers of a page of 64 rows, one of an indexer's keys, one of two rows.
    assert plan.stage_block_bytes == (22 * (37_440 + 8_640 + 1_728),)
    assert [len(group.layers) for group in layout(PRO, 30_000, STEP, ALONE).groups] == [61, 31, 30, 31, 30]


def test_a_request_takes_gigabytes_before_its_first_token_and_little_for_each() -> None:
    assert needed(FLASH, 1_000_000) - needed(FLASH, 500_000) < 2.1 * GIB < needed(FLASH, 8192)
    assert needed(FLASH, 100_000, step=2048) < needed(FLASH, 100_000) / 3


def test_each_kind_is_latent_and_windows_are_told() -> None:
    assert is_compressed(FLASH)
    assert not is_compressed(model("qwen3-8b"))
    assert [kind.window for kind in kinds(FLASH)] == [None, 128, 8, 128]
    assert all(kind.latent and kind.token_bytes for kind in kinds(FLASH))


def test_what_was_not_read_is_refused() -> None:
    with pytest.raises(UnsupportedModelError, match="pipeline stages"):
        layout(FLASH, 30_000, STEP, Parallel(1, 2))
    other = [
        placed._replace(block=replace(block, head_dim=256)) if isinstance(block, SharedKeyAttention) else placed
        for placed in FLASH.placed
        for block in [placed.block]
    ]
    with pytest.raises(UnsupportedModelError, match="heads of 256"):
        kinds(replace(FLASH, placed=tuple(other)))
    rates = [
        placed._replace(block=replace(placed.block, rate=64))
        if isinstance(placed.block, Compressor) and placed.block.rate == 128
        else placed
        for placed in FLASH.placed
    ]
    with pytest.raises(UnsupportedModelError, match="64 tokens into one"):
        kinds(replace(FLASH, placed=tuple(rates)))


def test_ranks_share_heads_and_groups_of_the_output_and_have_the_key_whole() -> None:
    placed = next(placed for placed in FLASH.placed if isinstance(placed.block, SharedKeyAttention))
    block = placed.block
    shapes = {
        group.role: (group.shape, share(block, group, 2))
        for group in inventory(replace(FLASH, placed=(placed,))).groups
    }
    assert shapes["attention.kv"][0] == shapes["attention.kv"][1]
    assert shapes["attention.q_a"][0] == shapes["attention.q_a"][1]
    for role, axis in {"attention.q_b": 0, "attention.o_a": 0, "attention.o": 1}.items():
        whole, rank = shapes[role]
        assert rank[axis] * 2 == whole[axis], role
    assert heads(block).query == 64


def test_the_cache_is_in_fp8_whatever_is_asked_and_the_line_says_so() -> None:
    asked = ("estimate", "deepseek-v4-flash", "--runtime", "vllm@0.22", "--gpu", "8x h200", "-c", "100000")
    answers = [good(*asked, "--kv-dtype", form, "-o", "json").json() for form in ("fp16", "fp8")]
    caches = [answer["estimates"][0]["devices"][0] for answer in answers]
    assert caches[0]["kv_cache_tokens"] == caches[1]["kv_cache_tokens"] > 0
    assert "--kv-cache-dtype fp8" in caches[0]["command"]
    for answer in answers:
        assert any(one["code"] == "cache_in_fp8" for one in answer["notes"])
    # The published format stands first, and of what nobody measured there is no bound.
    assert answers[0]["estimates"][0]["quant"] == "fp8-fp4-experts"
    assert set(answers[0]["estimates"][0]["bounds"]) <= {"weights"}


def test_speculation_with_its_layer_is_refused() -> None:
    config = '{"method": "mtp", "num_speculative_tokens": 2}'
    answer = run("estimate", "deepseek-v4-flash", "--runtime", "vllm@0.22", "--gpu", "8x h200", "-sc", config)
    assert answer.status != 0
    assert "was not read" in answer.err
