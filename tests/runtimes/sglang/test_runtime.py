"""SGLang: its share of a device and its pools against its rules worked out by hand, and against published start-ups."""

from __future__ import annotations

from typing import Any

import pytest

from llmscale.answers.estimate import estimate
from llmscale.answers.fits import fits
from llmscale.answers.needs import needs
from llmscale.answers.results.fits import FitsResult
from llmscale.errors import UnsupportedModelError, UsageError
from llmscale.fit.subject import model_of
from llmscale.formats.catalogue import number_format, quant
from llmscale.runtimes.interface import ModelName, Workload
from llmscale.runtimes.releases import newest
from llmscale.runtimes.sglang.launch import sglang_server
from llmscale.runtimes.sglang.pools import Cells, cells, longest, pools, requests
from llmscale.runtimes.sglang.static import defaults, kv_cache_bytes, prefill_graphs
from llmscale.runtimes.subject import Exact
from llmscale.sources.registry import load
from llmscale.units import GIB, MIB
from tests.helpers import good
from tests.runtimes.sglang.rows import ROWS, cell, loaded, started

#: What nvidia-smi reports of an H100 and an RTX 4090.
H100, RTX4090 = 81559 * MIB, 24564 * MIB


def test_the_share_of_an_h100() -> None:
    """512 + 1.5 x 8,192 + 128 + 2 x 256 + 8 x 58 MiB stay free."""
    assert prefill_graphs(8192) == 58
    assert defaults(H100) == (8192, 256, round(1 - 13904 / 81559, 3))


def test_small_devices_take_shorter_chunks_and_batches() -> None:
    """42 prefill graphs up to 2,048 tokens, 50 up to 4,096."""
    assert defaults(RTX4090) == (4096, 48, round(1 - (512 + 6144 + 128 + 96 + 8 * 50) / 24564, 3))
    assert defaults(16 * GIB) == (2048, 8, round(1 - (512 + 3072 + 128 + 16 + 8 * 42) / 16384, 3))


def test_more_ranks_reserve_more_and_take_larger_batches() -> None:
    assert defaults(H100, tensor=4)[:2] == (8192, 512)
    assert defaults(H100, tensor=8).fraction == round(1 - (512 + 12288 + 1024 + 1024 + 464) / 81559, 3)
    assert defaults(H100, mla=True).fraction == round(1 - (512 + 12288 + 128 + 512 + 1536) / 81559, 3)


def test_large_devices_never_reserve_less_than_10_gib() -> None:
    assert defaults(H100, chunk=2048, decode_batch=1).fraction == round(1 - 10240 / 81559, 3)
    assert defaults(48 * GIB, chunk=2048, decode_batch=1).fraction > 1 - 10240 / (48 * 1024)


@pytest.mark.parametrize(("tower", "factor"), [((24, 1024), 0.95), ((48, 1024), 0.95 * 0.9), ((400, 1024), 0.95 * 0.8)])
def test_models_that_see_take_less(tower: tuple[int, int], factor: float) -> None:
    assert defaults(H100, vision=tower).fraction == pytest.approx(defaults(H100).fraction * factor)


def test_weights_beyond_the_share_leave_no_cache() -> None:
    assert kv_cache_bytes(80 * GIB, 79 * GIB, 0.9) == 0


def test_fewer_requests_capture_smaller_batches() -> None:
    assert defaults(H100, requests=16).decode_batch == 16
    assert defaults(H100, requests=1000).decode_batch == 256


def printed(*keys: str) -> list[dict[str, Any]]:
    return [row for row in ROWS if all(row.get(key) for key in keys)]


@pytest.mark.parametrize("row", printed("kv_tokens", "kv_gib"), ids=lambda row: row["catalogue"])
def test_the_bytes_of_the_tokens_that_logs_print(row: dict[str, Any]) -> None:
    """K and V are printed with two digits each; of 288 GiB the page of padding shows too."""
    one = cell(row)
    size = row["kv_tokens"] * one.token + row.get("window_tokens", 0) * one.windowed
    assert size / GIB == pytest.approx(row["kv_gib"], abs=0.016)


@pytest.mark.parametrize("row", printed("loaded_gib"), ids=lambda row: row["catalogue"])
def test_what_loading_takes(row: dict[str, Any]) -> None:
    """The libraries that loading brings, up to 0.13 GiB, are not modelled: they show beside the smallest models."""
    apart = abs(loaded(row) / GIB - row["loaded_gib"])
    assert apart <= max(0.13, 0.0255 * row["loaded_gib"])


@pytest.mark.parametrize("row", printed("kv_tokens", "fraction"), ids=lambda row: row["catalogue"])
def test_tokens_from_the_free_memory_and_the_share(row: dict[str, Any]) -> None:
    assert started(row).pools.tokens == pytest.approx(row["kv_tokens"], rel=0.05)


def test_a_start_up_by_the_name_of_its_device_alone() -> None:
    """The row of 2026 on an H100, with every default."""
    row = next(row for row in ROWS if row.get("fraction_from") == "default" and row.get("device"))
    (line,) = estimate(row["catalogue"], [row["quant"]], runtime="sglang", gpus=["h100"]).estimates
    (device,) = line.devices
    assert device.kv_cache_tokens == pytest.approx(row["kv_tokens"], rel=0.005)
    assert device.weights_bytes is not None
    assert device.weights_bytes / GIB == pytest.approx(row["loaded_gib"], abs=0.1)


@pytest.mark.parametrize("name", ["lfm2-700m", "granite-4.0-h-micro"])
def test_states_and_cache_share_what_is_left(name: str) -> None:
    """The two pools of a log, made again from their sum; its release did not count the slot that is padding."""
    row = next(row for row in printed("states") if row["catalogue"] == name)
    one = cell(row)
    found = pools((row["states"] + 1) * one.state + row["kv_tokens"] * one.token, one)
    assert found.states == pytest.approx(row["states"], abs=1)
    assert found.tokens == pytest.approx(row["kv_tokens"], abs=one.state / one.token)


@pytest.mark.parametrize("row", printed("window_tokens"), ids=lambda row: str(row["kv_tokens"]))
def test_windows_have_a_pool_of_their_own(row: dict[str, Any]) -> None:
    one = cell(row)
    found = pools(row["kv_tokens"] * one.token + row["window_tokens"] * one.windowed, one)
    assert (found.tokens, found.window_tokens) == pytest.approx((row["kv_tokens"], row["window_tokens"]), abs=2)


def test_windows_of_other_families_keep_every_token() -> None:
    """Gemma 3: 34 layers x 2 x 4 heads x 256 x 2 bytes."""
    found = cells(load("gemma-3-4b").known(), 1, 2)
    assert found == Cells(34 * 2 * 4 * 256 * 2, 0, 0, 0, 5)


def test_heads_are_divided_or_repeated() -> None:
    """Llama 3.1 8B has eight KV heads."""
    spec = load("llama-3.1-8b").known()
    alone = cells(spec, 1, 2)
    assert alone is not None
    assert [found.token * tensor for tensor in (2, 8, 16) if (found := cells(spec, tensor, 2))] == [
        alone.token,
        alone.token,
        2 * alone.token,
    ]


def test_latents_are_whole_on_every_rank() -> None:
    """DeepSeek-V3: 61 layers x (512 + 64) elements."""
    spec = load("deepseek-v3").known()
    assert [found.token for tensor in (1, 8) if (found := cells(spec, tensor, 1))] == [61 * 576] * 2


def test_requests_are_bound_by_the_scarcest_pool() -> None:
    one = Cells(token=1000, windowed=0, reach=0, state=1000, slots=5)
    found = pools(1_000_000, one)
    assert requests(found, one, 1) == found.states // 5
    assert requests(found, one, found.tokens) == 1
    assert requests(found, one, 1, limit=2) == 2


def test_the_longest_context_is_the_last_that_runs() -> None:
    one = Cells(token=1000, windowed=0, reach=0, state=0, slots=5)
    found = pools(1_000_000, one)
    assert longest(found, one, 4, 1 << 20) == found.tokens // 4
    assert longest(found, one, 4, 100) == 100
    assert longest(found, one, 2000, 1 << 20) == 0


def test_nothing_is_left_beyond_the_share() -> None:
    (line,) = estimate("llama-3.1-70b", ["bf16"], runtime="sglang", gpus=["h100", "4x h100"]).estimates
    alone, four = line.devices
    assert (alone.fits, alone.kv_cache_tokens, alone.max_context) == (False, 0, None)
    assert alone.headroom_bytes < 0
    assert four.fits


def test_what_it_leaves_free_is_neither_usable_nor_counted() -> None:
    (line,) = estimate("llama-3.1-8b", ["bf16"], runtime="sglang", gpus=["rtx4090"]).estimates
    (device,) = line.devices
    assert line.compute_bytes == 0
    assert 16 * GIB < device.usable_bytes < 17 * GIB
    assert device.usable_bytes - line.total_bytes == pytest.approx(device.headroom_bytes, abs=0.1 * GIB)


def test_no_device_is_offered_that_cannot_hold_the_weights() -> None:
    """Also of a bare size and of catalogue models, whose caches the general rule gives."""
    offered = needs("qwen3-8b", runtime="sglang")
    assert offered.devices
    assert all(each.memory_bytes > 10 * GIB for each in offered.devices)
    result = fits("rtx3060", runtime="sglang")
    assert isinstance(result, FitsResult)
    held = [model.total_bytes for model in result.models if model.fits]
    assert held
    assert max(held) <= 8 * GIB


def test_fp8_halves_a_token() -> None:
    plain, halved = (
        estimate("llama-3.1-8b", ["bf16"], runtime="sglang", gpus=["h100"], kv_dtype=kv).estimates[0].devices[0]
        for kv in ("bf16", "fp8")
    )
    assert plain.kv_cache_bytes == pytest.approx(halved.kv_cache_bytes, rel=1e-5)
    assert plain.kv_cache_tokens is not None
    assert halved.kv_cache_tokens == pytest.approx(2 * plain.kv_cache_tokens, abs=1)


def test_what_sglang_refuses_or_does_not_run() -> None:
    with pytest.raises(UnsupportedModelError, match="SGLang does not run Q4_K_M"):
        estimate("llama-3.1-8b", ["q4_k_m"], runtime="sglang")
    with pytest.raises(UsageError, match="in Q8_0"):
        estimate("llama-3.1-8b", ["bf16"], runtime="sglang", kv_dtype="q8_0")
    with pytest.raises(UsageError, match="same format"):
        estimate("llama-3.1-8b", ["bf16"], runtime="sglang", kv_dtype="k=fp8,v=fp16")
    with pytest.raises(UsageError, match="--tp asks for 8"):
        estimate("llama-3.1-8b", ["bf16"], runtime="sglang", gpus=["2x h100"], options={"tp": 8})
    with pytest.raises(UsageError, match="divisible"):
        estimate("llama-3.1-8b", ["bf16"], runtime="sglang", options={"tp": 3})
    with pytest.raises(UsageError, match="--mem-fraction-static"):
        estimate("llama-3.1-8b", ["bf16"], runtime="vllm", options={"mem_fraction_static": 0.8})


def test_the_line_that_starts_it() -> None:
    work = Workload(
        8192,
        1,
        number_format("fp8"),
        2,
        None,
        (("mem_fraction_static", 0.9), ("chunked_prefill_size", 4096), ("tp", 2)),
    )

    def line(form: str, work: Workload) -> str:
        found = model_of(load("llama-3.1-8b").known()).subject(quant(form), "sglang")
        assert isinstance(found, Exact)
        return sglang_server(found, work, named) or ""

    named = ModelName("llama-3.1-8b", "meta-llama/Llama-3.1-8B")
    assert line("bf16", work) == (
        "python -m sglang.launch_server --model-path meta-llama/Llama-3.1-8B --context-length 8192 --kv-cache-dtype "
        "fp8_e4m3 --tp-size 2 --mem-fraction-static 0.9 --chunked-prefill-size 4096"
    )
    assert "--model-path ./llama-3.1-8b-awq " in line("awq", work)
    assert "--tp-size" not in line("awq", work._replace(options=()))


def test_the_release_is_named() -> None:
    assert f"sglang {newest('sglang')}" in good("estimate", "llama-3.1-8b", "--runtime", "sglang").out


@pytest.mark.parametrize(
    ("gpu", "fits"),
    [("h20", False), ("2x h20", True), ("b200", True)],
)
def test_what_torchao_quantises_is_loaded_in_16_bits_first(gpu: str, fits: bool) -> None:
    """Qwen3-Next-80B-A3B under --torchao-config int8dq on one H20: out of memory at 93.27 of 95.08 GiB
    (sgl-project/sglang issue 10736). Its experts stay in 16 bits besides."""
    device = estimate("qwen3-next-80b-a3b", ["torchao-int8"], runtime="sglang", gpus=[gpu]).estimates[0].devices[0]
    assert device.fits is fits
    assert ("loaded_in_16_bits" in [limit.code for limit in device.limits]) is not fits


def test_a_dense_model_needs_room_for_16_bits_and_not_for_them_alone() -> None:
    """27.5 GiB of Qwen3-14B in 16 bits do not go through an RTX 4090, and 14.3 GiB would lie on it."""
    (told,) = estimate("qwen3-14b", ["torchao-int8"], runtime="sglang", gpus=["rtx4090"]).estimates[0].devices
    assert told.used_bytes < told.usable_bytes
    assert not told.may_fit
    (told,) = estimate("qwen3-8b", ["torchao-int8"], runtime="sglang", gpus=["rtx4090"]).estimates[0].devices
    assert told.fits
    assert told.command
    assert "--model-path Qwen/Qwen3-8B --torchao-config int8wo" in told.command


def test_the_reason_is_said_in_both_languages() -> None:
    words = ("estimate", "qwen3-14b", "-q", "torchao-int8", "--runtime", "sglang", "--gpu", "rtx4090", "--lang")
    english, chinese = (" ".join(good(*words, language).out.split()) for language in ("en", "zh"))
    assert english.startswith("No: ")
    assert "loaded in 16 bits" in english
    assert "先以 16 位载入" in chinese
