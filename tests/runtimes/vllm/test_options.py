"""What vLLM is told of its cache, of weights in RAM, and of memory that the system uses as well."""

from __future__ import annotations

from typing import Any

import pytest

from llmscale.answers.estimate import estimate
from llmscale.answers.fits import fits
from llmscale.answers.results.estimate import DeviceFit
from llmscale.units import GIB
from tests.helpers import good, run


def on(gpu: str, model: str = "llama-3.1-8b", context: int = 8192, batch: int = 1, **options: Any) -> DeviceFit:
    found = estimate(model, ["bf16"], context=context, batch=batch, runtime="vllm", gpus=[gpu], options=options)
    (device,) = found.estimates[0].devices
    return device


def test_a_cache_that_is_named_holds_so_many_tokens() -> None:
    """Llama 3.1 8B keeps 32 layers x 8 heads x 128 x K and V x 2 bytes a token: 8,192 tokens a GiB."""
    device = on("rtx4090", kv_cache_memory_bytes=4 * GIB)
    assert device.kv_cache_tokens == 4 * 8192
    assert device.kv_cache_bytes == 4 * GIB
    assert device.usable_bytes == device.used_bytes - GIB + 4 * GIB
    assert device.fits
    share = on("rtx4090", kv_cache_memory_bytes=4 * GIB, gpu_memory_utilization=0.3)
    assert (share.fits, share.kv_cache_tokens) == (True, 4 * 8192)


def test_a_cache_that_does_not_fit_beside_the_weights_is_refused() -> None:
    device = on("rtx4090", kv_cache_memory_bytes=8 * GIB)
    assert not device.fits
    assert not device.may_fit
    assert [told.code for told in device.limits] == ["cache_beyond_memory"]
    assert not on("rtx4090", batch=5, kv_cache_memory_bytes=4 * GIB).fits


def test_weights_in_ram_leave_their_room_to_the_cache() -> None:
    plain, moved = on("rtx4090"), on("rtx4090", cpu_offload_gb=5)
    assert moved.host_bytes == 5 * GIB
    assert moved.used_bytes == plain.used_bytes - 5 * GIB
    assert moved.kv_cache_bytes == plain.kv_cache_bytes + 5 * GIB
    assert plain.tokens_per_second
    assert moved.tokens_per_second is None  # nobody measured it
    each = on("2x rtx4090", cpu_offload_gb=3, tp=2)
    assert each.host_bytes == 6 * GIB
    assert not on("rtx3060-12gb").fits
    assert on("rtx3060-12gb", cpu_offload_gb=8).fits


def test_of_stages_behind_each_other_no_speed_is_said() -> None:
    assert on("2x rtx4090", tp=2).tokens_per_second
    assert on("2x rtx4090", pp=2).tokens_per_second is None


def test_no_more_sequences_run_at_once_than_a_step_takes() -> None:
    """By the option, and by the 256 of a card that is no data centre's; whatever there is memory for."""
    assert on("h100", batch=8, max_num_seqs=8).fits
    few = on("h100", batch=8, max_num_seqs=4)
    assert not few.fits
    assert [(told.code, told.values["requests"]) for told in few.limits] == [("fewer_requests", 4)]
    assert on("h100", batch=8, max_num_seqs=4, dp=1).max_batch in (None, 4)
    for batch, runs in ((256, True), (257, False)):
        asked = on("rtx4090", "qwen3-0.6b", 256, batch)
        assert (asked.kv_cache_tokens or 0) > 257 * 256
        assert asked.fits is runs
        listed = fits("rtx4090", ["qwen3-0.6b"], context=256, batch=batch, quants=["bf16"], runtime="vllm")
        assert listed.models[0].fits is runs  # type: ignore[union-attr]


def test_no_more_weights_are_moved_than_there_are() -> None:
    weights = on("h100").weights_bytes
    assert on("h100", cpu_offload_gb=100).host_bytes == weights


@pytest.mark.parametrize("size", [8, 16, 64, 128])
def test_a_request_takes_whole_blocks(size: int) -> None:
    """1,000 tokens of 8,192 a GiB."""
    blocks = -(-1000 // size)
    device = on("rtx4090", context=1000, block_size=str(size), kv_cache_memory_bytes=GIB)
    assert device.max_concurrency == pytest.approx(8192 // size / blocks)


@pytest.mark.parametrize(
    ("gpu", "share", "verdict"),
    [
        ("dgx-spark", 0.8, "yes"),
        ("dgx-spark", 0.85, "maybe"),
        ("dgx-spark", None, "maybe"),  # 0.92
        ("dgx-spark", 0.97, "no"),
        ("jetson-thor", 0.9, "maybe"),
        ("h100", 0.97, "yes"),
        ("ryzen-ai-max-395:128GB", 0.9, "yes"),  # has its own
    ],
)
def test_of_memory_that_the_system_uses_not_every_share_is_free(gpu: str, share: float | None, verdict: str) -> None:
    device = on(gpu, **({} if share is None else {"gpu_memory_utilization": share}))
    assert ("yes" if device.fits else "maybe" if device.may_fit else "no") == verdict
    assert any(told.code == "share_of_unified" for told in device.limits) == (verdict != "yes")


def test_a_cache_on_memory_of_the_system_has_ends_and_no_bound() -> None:
    asked = ("estimate", "llama-3.1-8b", "-q", "bf16", "--runtime", "vllm", "--gpu-memory-utilization", "0.7")
    spark, h100 = (good(*asked, "--gpu", gpu, "-o", "json").json() for gpu in ("dgx-spark", "h100"))
    assert {"kv_cache_tokens", "overhead"} <= set(h100["estimates"][0]["bounds"])
    assert not {"kv_cache_tokens", "overhead"} & set(spark["estimates"][0]["bounds"])
    (told,) = (one["values"] for one in spark["notes"] if one["code"] == "system_takes")
    tokens = spark["estimates"][0]["devices"][0]["kv_cache_tokens"]
    assert told["fewest"] < tokens < told["most"]
    for language, word in {"en": "shares its memory with the system", "zh": "与系统共用"}.items():
        shown = good(*asked, "--gpu", "dgx-spark", "--lang", language, "--width", "300").out
        assert word in shown
        assert f"{told['fewest']:,}" in shown
    explained = good(*asked, "--gpu", "dgx-spark", "--explain", "--width", "300").out
    assert "general rule" not in explained
    assert "tokens that the KV cache holds: within" not in explained
    # A cache that is named is as large as it is named.
    named = good(*asked, "--gpu", "dgx-spark", "--kv-cache-memory-bytes", "20GiB", "-o", "json").json()
    assert not any(one["code"] == "system_takes" for one in named["notes"])


def test_prefix_caching_takes_a_state_more_of_each_request() -> None:
    asked = ("estimate", "qwen3.6-27b", "-q", "bf16", "--runtime", "vllm@0.24", "--gpu", "h200", "--command")
    flags = ("--enable-prefix-caching", "--no-enable-prefix-caching")
    held = [good(*asked, flag, "-o", "json").json()["estimates"][0]["devices"][0] for flag in flags]
    assert held[0]["max_concurrency"] < held[1]["max_concurrency"]
    for flag, device in zip(flags, held, strict=True):
        assert flag in device["command"].split()
    # Off by default with recurrent layers, as vLLM had it then.
    unsaid = good(*asked, "-o", "json").json()["estimates"][0]["devices"][0]
    assert unsaid["max_concurrency"] == held[1]["max_concurrency"]


def test_the_command_hands_them_on_and_the_first_line_says_maybe() -> None:
    asked = ("estimate", "llama-3.1-8b", "-q", "bf16", "--runtime", "vllm", "--command", "--width", "200")
    given = ("--kv-cache-memory-bytes", "4GiB", "--cpu-offload-gb", "2", "--block-size", "32")
    told = good(*asked, "--gpu", "rtx4090", *given).out
    assert "--kv-cache-memory-bytes 4294967296 --cpu-offload-gb 2 --block-size 32" in told
    first = good(*asked, "--gpu", "dgx-spark").out.splitlines()[0]
    assert first.startswith("Maybe: ")
    assert good(*asked, "--gpu", "dgx-spark", "--lang", "zh").out.startswith("不一定")


@pytest.mark.parametrize(
    "given", [("--block-size", "63"), ("--cpu-offload-gb", "-1"), ("--kv-cache-memory-bytes", "x")]
)
def test_values_that_cannot_be_meant(given: tuple[str, str]) -> None:
    answer = run("estimate", "llama-3.1-8b", "-q", "bf16", "--runtime", "vllm", "--gpu", "h100", *given)
    assert answer.status == 2


@pytest.mark.parametrize(("batch", "runs"), [(200, True), (238, True), (239, False), (300, False)])
def test_replicas_run_as_many_requests_each(batch: int, runs: bool) -> None:
    """Of FP8 on an H100 119 of 4,096 tokens run at once."""
    found = estimate("llama-3.1-8b", ["fp8"], gpus=["2x h100"], runtime="vllm", batch=batch, options={"dp": 2})
    (device,) = found.estimates[0].devices
    assert (device.fits, device.max_batch) == (runs, 238)
    assert (device.users[0].context, device.users[0].requests) == (4096, 238)
    assert [told.values["requests"] for told in device.remedies if told.code == "waiting"] == ([] if runs else [238])
    first = good("estimate", "llama-3.1-8b", "-q", "fp8", "--gpu", "2x h100", "--dp", "2", "-b", str(batch)).out
    assert first.startswith("Yes" if runs else f"In part: of {batch} sequences of 4,096 tokens ~238")


def test_what_does_not_let_in_more_is_no_remedy() -> None:
    """A step of 16 tokens takes 16 sequences, whatever the cache holds; of 32 it is the cache that lacks first."""
    few = on("h100", "llama-2-7b", 4096, 64, max_num_batched_tokens=16)
    assert (few.fits, few.remedies, few.users[0].requests) == (False, (), 16)
    more = on("h100", "llama-2-7b", 4096, 64, max_num_batched_tokens=32)
    assert {told.code: told.values.get("requests") for told in more.remedies} == {
        "waiting": 29.9,
        "remedy_kv": 32,
        "remedy_quant": 32,
        "remedy_devices": 32,
    }


def test_a_bare_size_has_replicas_and_steps_as_a_model_has() -> None:
    def of(gpu: str, size: str, batch: int = 1, **options: int) -> DeviceFit:
        asked = estimate(size, ["fp8"], gpus=[gpu], runtime="vllm", batch=batch, options=options)
        return asked.estimates[0].devices[0]

    alone, twice = of("h100", "7B", 4), of("2x h100", "7B", 8, dp=2)
    assert twice.used_bytes == 2 * alone.used_bytes
    assert [one.parts for one in twice.per_device] == [alone.per_device[0].parts] * 2
    assert twice.max_batch == 2 * (alone.max_batch or 0)
    odd = of("3x h100", "7B", 8, dp=2)
    assert (odd.used_bytes, odd.per_device[2].used_bytes) == (twice.used_bytes, 0)
    assert not of("2x h100", "120B", dp=2).fits
    assert of("2x h100", "120B").fits
    few = of("h100", "7B", 8, max_num_seqs=4)
    assert (few.fits, few.max_batch) == (False, 4)
    assert [(told.code, told.values["requests"]) for told in few.limits] == [("fewer_requests", 4)]
    assert of("2x h100", "7B", 8, max_num_seqs=4, dp=2).fits
