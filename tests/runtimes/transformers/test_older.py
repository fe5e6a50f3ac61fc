"""Older releases of transformers: what they had alive besides, in the published figures and on other models."""

from __future__ import annotations

from typing import Any

import pytest

from llmscale import estimate
from llmscale.units import GIB
from tests.helpers import good, run

PARTS = ("weights", "kv_cache", "state", "compute")


def allocated(model: str, quant: str, release: str, context: int, device: str = "a100-80gb", **options: Any) -> float:
    """GiB that torch's allocator has given out."""
    found = estimate(model, [quant], context=context, runtime=f"transformers@{release}", gpus=[device], options=options)
    (held,) = found.estimates[0].devices
    return sum(usage.parts.get(part, 0) for usage in held.per_device for part in PARTS) / GIB


@pytest.mark.parametrize(
    ("model", "quant", "release", "prompt", "published"),
    [
        ("Qwen1.5-1.8B-Chat", "bf16", "4.37.2", 14336, 18.69),
        ("Qwen2-7B-Instruct", "gptq-int4-g128", "4.37.2", 30720, 33.76),
        ("Qwen2.5-7B-Instruct", "awq", "4.46.0", 1, 5.39),
        ("Qwen2.5-3B-Instruct", "gptq-int4-g128", "4.46.0", 1, 2.06),
    ],
)
def test_a_published_peak(model: str, quant: str, release: str, prompt: int, published: float) -> None:
    """tests/truth/transformers_memory.json: with FlashAttention-2, an answer of 2,048 tokens."""
    asked: dict[str, Any] = {"attn": "flash_attention_2", "prompt_tokens": prompt}
    assert allocated(model, quant, release, prompt + 2048, **asked) == pytest.approx(published, rel=0.015)


def test_logits_of_the_whole_prompt_until_4_45() -> None:
    """Qwen2.5-14B: 152,064 logits in 2 and in 4 bytes for 8,192 tokens are 6.96 GiB."""
    before, after = (allocated("qwen2.5-14b", "bf16", release, 8192) for release in ("4.44.2", "4.45.2"))
    assert 6.5 < before - after < 8


def test_outputs_that_hold_the_cache_until_4_44() -> None:
    """A prompt of one token, so that the answer is the widest: its 3 GiB of cache are there twice."""
    asked: dict[str, Any] = {"prompt_tokens": 1}
    before, after = (allocated("qwen2.5-14b", "bf16", release, 16384, **asked) for release in ("4.43.0", "4.44.0"))
    assert before - after == pytest.approx(16384 * 48 * 2 * 8 * 128 * 2 / GIB, rel=0.02)


def test_keys_repeated_for_all_query_heads_but_by_flash_attention() -> None:
    asked: dict[str, Any] = {"prompt_tokens": 1}
    sdpa, flash = (
        allocated("qwen2.5-14b", "bf16", "4.51.3", 65536, attn=attn, **asked) for attn in ("sdpa", "flash_attention_2")
    )
    newest = allocated("qwen2.5-14b", "bf16", "5.23.0", 65536, attn="sdpa", **asked)
    assert sdpa - flash > 65536 * 40 * 128 * 2 / GIB
    assert abs(newest - flash) < 0.2


def test_a_buffer_of_autogptq() -> None:
    """The largest 4-bit matrix of Qwen2.5-14B, 13,824 x 5,120, in two bytes."""
    four = [allocated("qwen2.5-14b", "gptq-int4-g128", release, 2048) for release in ("4.48.0", "4.51.0")]
    assert four[0] - four[1] > 13824 * 5120 * 2 / GIB


def test_another_class_is_a_range_and_no_bound() -> None:
    asked = ["estimate", "llama-3.1-8b", "-q", "bf16", "-c", "32768", "--gpu", "rtx4090:20GB", "-o", "json"]
    asked += ["--runtime"]
    older, newest = (good(*asked, f"transformers{release}").json() for release in ("@4.40.0", ""))
    (found,) = older["estimates"][0]["devices"]
    assert (found["fits"], found["may_fit"]) == (False, False) or found["may_fit"]
    assert older["estimates"][0]["ranges"]["compute_bytes"][0] <= newest["estimates"][0]["compute_bytes"]
    told = good("estimate", "llama-3.1-8b", "-q", "bf16", "--runtime", "transformers@4.40.0", "--explain").out
    assert "that release's class was not read" in told


def test_explain_says_what_is_besides_and_the_bound_of_older_releases() -> None:
    told = good("estimate", "qwen2.5-7b", "-q", "bf16", "--runtime", "transformers@4.46.0", "--explain").out
    assert "cuBLAS's workspace" in told
    assert "asked with its release" in told
    assert "asked with its release" not in good("estimate", "qwen2.5-7b", "-q", "bf16", "--explain").out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-c", "4096", "--prompt-tokens", "5000"], "--prompt-tokens 5000 are more than --context 4096"),
        (["-c", "4096", "--prompt-tokens", "0"], "prompt-tokens"),
        (["-c", "4096", "--prompt-tokens", "many"], "prompt-tokens"),
    ],
)
def test_a_prompt_that_cannot_be(words: list[str], said: str) -> None:
    told = run("estimate", "qwen2.5-7b", "-q", "bf16", "--runtime", "transformers", *words)
    assert told.status == 2
    assert said in told.err


def test_a_short_prompt_takes_less() -> None:
    whole, short = (allocated("qwen3-8b", "bf16", "5.23.0", 32768, **asked) for asked in ({}, {"prompt_tokens": 512}))
    assert whole - short > 0.5


def test_older_than_what_was_read_is_refused() -> None:
    told = run("estimate", "qwen2.5-7b", "-q", "bf16", "--runtime", "transformers@4.30.0")
    assert told.status == 2
    assert "4.37.0 is the oldest" in told.err


@pytest.mark.parametrize("model", ["llama-3.1-8b", "kimi-linear-48b-a3b", "minimax-m1"])
def test_a_range_of_a_class_that_was_not_read_holds_what_is_counted_and_what_the_newest_may_take(model: str) -> None:
    def ranged(release: str) -> tuple[int, int, int]:
        (found,) = estimate(model, ["bf16"], context=4096, runtime=f"transformers{release}").estimates
        counted = found.compute_bytes
        low, high = found.ranges.get("compute_bytes", (counted, counted))
        return low, counted, high

    (low, counted, high), (_, newest, most) = ranged("@4.40.0"), ranged("")
    assert low <= counted <= high
    assert low <= newest
    assert high >= most
