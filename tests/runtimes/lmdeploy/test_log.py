"""TurboMind's start-up log beside the estimate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmscale.runtimes.lmdeploy.log import read
from llmscale.units import MIB
from tests.helpers import run

LOGS = Path(__file__).resolve().parents[2] / "logs"


def told(name: str, *more: str) -> dict[str, Any]:
    answer = run("log", str(LOGS / f"{name}.log"), *more, "-o", "json")
    assert answer.status == 0, answer.err
    found: dict[str, Any] = answer.json()
    return found


def test_blocks() -> None:
    answer = told("lmdeploy-gpt-oss-20b", "-m", "gpt-oss-20b", "-q", "mxfp4", "--kv-dtype", "int4", "--gpu", "rtx4090")
    assert (answer["runtime"], answer["context"], answer["cache_tokens"]) == ("lmdeploy", 111360, 1740 * 64)
    term = answer["terms"][0]
    assert (term["kind"], term["device"]) == ("kv_cache", 0)
    assert term["log_bytes"] == round(0.844 * MIB) * 1740
    # A block by the estimate is the log's, to its last digit.
    block = term["estimate_bytes"] / (answer["estimate_cache_tokens"] / 64)
    assert block == pytest.approx(0.844 * MIB, abs=0.001 * MIB)


def test_the_budget_of_newer_releases() -> None:
    answer = told("lmdeploy-qwen3-8b", "--gpu", "h100")
    assert (answer["model"]["id"], answer["quant"], answer["context"]) == ("qwen3-8b", "bf16", 32768)
    assert answer["options"] == {"cache_max_entry_count": 0.876}
    term = answer["terms"][0]
    assert term["log_bytes"] == round(55634.70 * MIB)
    # What lies beside the weights is of this very start; blocks take 1.6 % less than the budget.
    assert term["estimate_bytes"] == pytest.approx(term["log_bytes"], rel=0.025)
    assert answer["cache_tokens"] is None


def test_out_of_memory_before_there_is_a_cache() -> None:
    answer = told("lmdeploy-out-of-memory", "--gpu", "16GiB")
    assert (answer["model"]["id"], answer["quant"], answer["batch"]) == ("qwen2.5-vl-3b", "awq", 1)
    assert (answer["context"], answer["options"]["max_batch_size"]) == (128000, 1)
    assert answer["trouble"]["kind"] == "weights"
    assert answer["trouble"]["wanted_bytes"] is None
    assert answer["trouble"]["weights_bytes"] > 0


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("[TM][INFO] [BlockManager] max_block_count = 9\nCUDA runtime error: out of memory x.cu:32", "compute"),
        ("[TM][INFO] Object cache budget: 1.00 MB\nCUDA runtime error: out of memory x.cu:32", "compute"),
        ("[TM][WARN] dp0 ID 3: cache out of memory, no request can be admitted; failing", "kv_cache"),
        ("[TM][FATAL] No enough blocks.", "kv_cache"),
        ("[TM][ERROR] CUDA runtime error: out of memory x.cu:32", "weights"),
    ],
)
def test_what_was_lacking(text: str, kind: str) -> None:
    found = read(text)
    assert found is not None
    assert found.trouble is not None
    assert found.trouble.kind == kind


def test_settings_of_each_age() -> None:
    block = "[TM][INFO] [BlockManager] block_size = 4.000 MB\n[TM][INFO] [BlockManager] max_block_count = 10\n"
    section = "[llama]\ntensor_para_size = 2\nsession_len = 16384\nweight_type = bf16\nmax_batch_size = 128\n"
    older = read(section + "quant_policy = 8\ncache_block_seq_len = 128\ncache_max_entry_count = 0.5\n" + block)
    assert older is not None
    assert (older.context, older.quant, older.kv, older.tokens) == (16384, "bf16", "int8", 1280)
    assert older.options == {"tp": 2, "max_batch_size": 128, "cache_max_entry_count": 0.5}
    json = read('"session_len": 4096,\n"weight_type": "float16"\n' + block + "model_path='/srv/models/Qwen/Qwen3-8B'")
    assert json is not None
    assert (json.context, json.quant, json.models) == (4096, "fp16", ("Qwen/Qwen3-8B", "Qwen3-8B"))


def test_what_is_no_log_of_it() -> None:
    assert read("nothing") is None
    assert read("[TM][INFO] Barrier(1)") is None
    assert read("[TM][INFO] [BlockManager] block_size = 4.000 MB") is None
