"""TensorRT-LLM's start-up log beside the estimate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmscale.runtimes.tensorrt_llm.log import read
from llmscale.units import GIB
from tests.helpers import run

LOGS = Path(__file__).resolve().parents[2] / "logs"


def told(name: str, *more: str) -> dict[str, Any]:
    answer = run("log", str(LOGS / f"{name}.log"), *more, "-o", "json")
    assert answer.status == 0, answer.err
    found: dict[str, Any] = answer.json()
    return found


def test_every_part_of_a_start() -> None:
    answer = told("trtllm-gpt-oss-120b", "-q", "mxfp4", "--gpu", "dgx-spark")
    assert (answer["runtime"], answer["release"], answer["model"]["id"]) == (
        *("tensorrt-llm", "1.1.0rc3", "gpt-oss-120b"),
    )
    # The second of the caches is the one that it serves with.
    assert (answer["context"], answer["cache_tokens"]) == (86720, 86720)
    assert answer["options"] == {"max_batch_size": 64, "max_num_tokens": 8192, "free_gpu_memory_fraction": 0.9}
    terms = {term["kind"]: term for term in answer["terms"]}
    assert {kind: round(term["log_bytes"] / GIB, 2) for kind, term in terms.items()} == {
        "weights": 63.32,
        "kv_cache": 5.95,
        "compute": 0.85,
        "overhead": 49.28,
    }
    assert round(terms["weights"]["estimate_bytes"] / GIB, 2) == 63.32


def test_a_log_of_the_cache_alone() -> None:
    answer = told("trtllm-qwen3-0.6b", "-m", "qwen3-0.6b", "-q", "bf16", "--gpu", "h100")
    assert (answer["release"], answer["cache_tokens"]) == ("1.2.1", 643136)
    assert answer["estimate_cache_tokens"] == pytest.approx(643136, rel=0.01)


def test_ranks_card_model_and_cache_of_a_command() -> None:
    text = (
        "trtllm-serve nvidia/Llama-3.3-70B-Instruct-FP8 --tp_size 4 --ep_size 1 --max_seq_len 8192 "
        "--kv_cache_free_gpu_memory_fraction 0.85\n"
        "[TRT-LLM] [I] Rank 0 uses 17.10 GB for model weights.\nkv_cache_dtype='fp8'\n"
        "[TRT-LLM] [I] Peak memory during memory usage profiling (torch + non-torch): 20.00 GiB, fraction is set 0.85, "
        "kv size is 1. device total memory 79.18 GiB"
    )
    found = read(text)
    assert found is not None
    assert found.models == ("nvidia/Llama-3.3-70B-Instruct-FP8", "Llama-3.3-70B-Instruct-FP8")
    assert found.options == {"tp": 4, "free_gpu_memory_fraction": 0.85}
    assert (found.context, found.kv, found.tokens) == (8192, "fp8", None)
    assert [card.memory for card in found.cards] == [round(79.18 * GIB)] * 4
    path = "[TRT-LLM] [I] models--Qwen--Qwen3-8B/snapshots/1\n"
    path += "[MemUsageChange] Allocated 1.00 GiB for max tokens in paged KV cache (32)."
    found = read(path)
    assert found is not None
    assert found.models == ("Qwen/Qwen3-8B", "Qwen3-8B")


LACK = "CUDA out of memory. Tried to allocate 3.47 GiB. GPU 7 has a total capacity of 178.35 GiB of which 3 GiB is free"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f"[TRT-LLM] [E] {LACK}", "weights"),
        (f"[TRT-LLM] [I] Estimated max memory in KV cache : 1.00 GiB\n{LACK}", "compute"),
        (f"[TRT-LLM] [I] x\nModel init total -- 1.00s\n{LACK}", "compute"),
        ("[TRT-LLM] [E] Impossible to fit in any sequence in kvCache", "kv_cache"),
        ("[TRT-LLM] [E] Impossibe to fit in any sequence in kvCache", "kv_cache"),
    ],
)
def test_memory_that_was_not_to_be_had(text: str, kind: str) -> None:
    found = read(text)
    assert found is not None
    assert found.trouble is not None
    assert found.trouble.kind == kind
    if kind != "kv_cache":
        assert [card.memory for card in found.cards] == [round(178.35 * GIB)]


@pytest.mark.parametrize("text", ["", "[TRT-LLM] [I] nothing of memory", "GPU KV cache size: 5 tokens"])
def test_what_tells_nothing_is_none(text: str) -> None:
    assert read(text) is None
