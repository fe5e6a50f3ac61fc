"""Answers that contradicted themselves for somebody who asked for the first time, each through the command line."""

from __future__ import annotations

import re

import pytest

from llmscale.units import GIB
from tests.helpers import run


@pytest.mark.parametrize(
    ("runtime", "quant"),
    [
        ("llama.cpp", "awq"),
        ("llama.cpp", "nf4"),
        ("llama.cpp", "mlx-4bit"),
        ("transformers", "mlx-4bit"),
        ("transformers", "q4_k_m"),  # it unpacks the file: what the file takes is not what lies on the card
        ("transformers", "exl3-4bpw"),
    ],
)
def test_what_a_runtime_does_not_read_does_not_fit(runtime: str, quant: str) -> None:
    answer = run("estimate", "llama-3.1-8b", "-q", quant, "--runtime", runtime, "--gpu", "rtx3090")
    assert answer.status
    assert f"{runtime} does not run" in answer.err
    assert not answer.out


@pytest.mark.parametrize(
    ("runtime", "quant"),
    [
        *(("llama.cpp", quant) for quant in ("fp32", "fp16", "bf16", "4.5bpw", "q4_k_m")),
        *(("transformers", quant) for quant in ("bf16", "fp8", "awq", "nf4", "hqq-int4", "int4")),
    ],
)
def test_what_it_reads_still_does(runtime: str, quant: str) -> None:
    answer = run("estimate", "qwen3-0.6b", "-q", quant, "--runtime", runtime, "--gpu", "rtx3090", "-o", "json")
    assert answer.json()["estimates"][0]["devices"][0]["fits"] is True


def test_a_maybe_is_not_a_no() -> None:
    asked = ["7b", "-b", "8", "-c", "8k"]
    answer = run("estimate", *asked, "--gpu", "rtx3060")
    assert "~maybe" in answer.out
    assert answer.out.startswith("Maybe: 7b in Q3_K_M takes 3.")
    first = run("fits", "rtx3060", *asked).out.splitlines()[0]
    assert first.startswith("Maybe: 7b in IQ2_XS takes ")
    assert "lacks" not in first
    assert run("estimate", *asked, "--gpu", "rtx3060", "--lang", "zh").out.startswith("不一定:")


def test_what_a_size_lacks_is_what_its_row_shows() -> None:
    out = run("fits", "rtx4090", "70b", "-q", "q4_k_m").out
    lacking = re.search(r"lacks ~([\d.]+) GiB", out)
    assert lacking
    assert f"~-{lacking[1]}" in out


@pytest.mark.parametrize("runtime", ["llama.cpp", "vllm"])
def test_the_longest_context_is_said_alike_where_it_is_less_than_asked(runtime: str) -> None:
    asked = ["-q", {"vllm": "awq"}.get(runtime, "q4_k_m"), "--runtime", runtime, "-c", "32k", "-o", "json"]
    estimated = run("estimate", "qwen3-32b", "--gpu", "rtx4090", *asked).json()["estimates"][0]["devices"][0]
    found = run("fits", "rtx4090", "qwen3-32b", *asked).json()["models"][0]
    assert (found["fits"], estimated["fits"]) == (False, False)
    assert found["max_context"] == estimated["max_context"] > 0


def test_vllm_reads_a_long_prompt_of_a_size_in_steps() -> None:
    """As it does of a model whose shape is known; all tokens at once would take 213 GiB here."""
    asked = ["-q", "awq", "--runtime", "vllm", "--gpu", "2x l40s", "-c", "32k", "-b", "20", "-o", "json"]
    parts = [
        usage["parts"]["compute"]
        for usage in run("estimate", "32b", *asked).json()["estimates"][0]["devices"][0]["per_device"]
    ]
    assert all(0 < part < GIB for part in parts)
    longer = [*asked, "--max-num-batched-tokens", "8192"]
    more = run("estimate", "32b", *longer).json()["estimates"][0]["devices"][0]["per_device"][0]["parts"]["compute"]
    assert parts[0] < more < 5 * parts[0]


@pytest.mark.parametrize("name", ["rpi5:8GB", "raspberry pi 5 8gb"])
def test_a_board_without_a_graphics_card_that_computes_is_a_processor(name: str) -> None:
    found = run("estimate", "llama-3.2-1b", "-q", "q4_k_m", "--gpu", name, "-o", "json").json()
    device = found["estimates"][0]["devices"][0]
    assert (device["id"], device["memory_bytes"], device["usable_bytes"]) == (
        "raspberry-pi-5",
        8 * GIB,
        8 * GIB - GIB // 2,
    )
    assert (device["fits"], device["gpu_layers"], device["host_bytes"]) == (True, 0, 0)
    assert "overhead" not in device["per_device"][0]["parts"]
    # It reads 11.4 GB/s, so that no token comes in less time than its 0.8 GB take.
    same = run(
        "estimate", "llama-3.2-1b", "-q", "q4_k_m", "--gpu", "cpu:8GB", "--ram-bandwidth", "11.4GB/s", "-o", "json"
    ).json()["estimates"][0]["devices"][0]
    assert device["tokens_per_second"] == same["tokens_per_second"]
    assert device["used_bytes"] == same["used_bytes"]
    assert 3 < device["tokens_per_second"] < 14


def test_what_to_run_on_it() -> None:
    answer = run("fits", "raspberry pi 5", "--limit", "3")
    assert answer.out.startswith("Raspberry Pi 5: ")
    assert "Used" in answer.out
    assert "On card" not in answer.out
    assert "2 GB is taken" in answer.out
    assert "What the system and other programs take" in answer.out


def test_several_boards_are_not_one_processor() -> None:
    answer = run("estimate", "llama-3.2-1b", "-q", "q4_k_m", "--gpu", "2x rpi5")
    assert answer.status
    assert "not modelled" in answer.err


@pytest.mark.parametrize("word", ["awq", "gptq", "nvfp4"])
def test_formats_are_compared_on_one_runtime(word: str) -> None:
    """BF16 was transformers', slower than the others by more than its bits."""
    figures = run("explain", word).out
    alone = run("estimate", "llama-3.1-8b", "-q", "bf16", "--gpu", "rtx4090", "--runtime", "vllm", "-o", "json").json()
    tokens = alone["estimates"][0]["devices"][0]["kv_cache_tokens"]
    assert re.search(rf"^bf16 .*~{tokens:,} ", figures, re.MULTILINE)
