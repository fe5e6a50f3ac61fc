"""TensorRT-LLM: requests at once, weights, blocks, refusals, against published starts and sums worked out by hand."""

from __future__ import annotations

import json
from math import ceil
from typing import Any

import pytest

from llmscale import estimate
from llmscale.devices.sets import device_set
from llmscale.errors import UnsupportedModelError, UsageError
from llmscale.fit.subject import model_of
from llmscale.formats.catalogue import number_format, quant
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.parallel.ranks import Parallel
from llmscale.runtimes.subject import Exact
from llmscale.runtimes.tensorrt_llm.blocks import BLOCK, TokenBytes, blocks_in, token_bytes
from llmscale.runtimes.tensorrt_llm.placement import Started, started
from llmscale.runtimes.tensorrt_llm.settings import settled
from llmscale.runtimes.tensorrt_llm.startup import besides, step_bytes
from llmscale.runtimes.tensorrt_llm.weights import latent_copies, loaded_bytes
from llmscale.sources.registry import load
from llmscale.units import GIB
from tests.helpers import TRUTH, good, run

TOLD: dict[str, Any] = json.loads((TRUTH / "tensorrt_llm.json").read_text(encoding="utf-8"))
MOST = [dict(zip(TOLD["fields"], row, strict=True)) for row in TOLD["most"]]
STARTS: list[dict[str, Any]] = TOLD["starts"]


def subject(name: str, form: str = "bf16") -> Exact:
    found = model_of(load(name).known()).subject(quant(form), "tensorrt-llm")
    assert isinstance(found, Exact)
    return found


def start(name: str, form: str, devices: str, context: int = 4096, **options: Any) -> Started:
    work = Workload(context, 1, number_format("fp16"), 2, options=tuple(options.items()))
    return started(subject(name, form), work, device_set(devices))


def line(*arguments: str) -> dict[str, Any]:
    told = json.loads(good("estimate", *arguments, "--runtime", "tensorrt-llm", "-o", "json").out)
    (found,) = told["estimates"]
    return {**found, **(found["devices"][0] if found["devices"] else {}), "context": told["context"]}


def refused(*arguments: str) -> str:
    answer = run("estimate", *arguments, "--runtime", "tensorrt-llm")
    assert answer.status in (2, 4), answer.out
    return answer.err


# -- against what was published ----------------------------------------------------------------------------------------


def requests(row: dict[str, Any], found: Started) -> tuple[float, float, float]:
    """At the most that is taken besides, as counted, at the least."""
    context = row["isl"] + row["osl"] + 1000
    most, counted, least = (cache.requests(context) for cache in (found.most, found.cache, found.least))
    return most, counted, least


def of(row: dict[str, Any], device: str = "") -> Started:
    return start(
        row["catalogue"],
        row["quant"],
        f"{row['tp']}x {device or row['device']}",
        tp=row["tp"],
        max_num_tokens=2 * row["isl"],
        free_gpu_memory_fraction=row["share"],
    )


def test_requests_at_once_are_those_that_were_measured() -> None:
    """The rows that fitted it: more than half to the request, all to 0.2 %; the range holds every one."""
    exact = 0
    for row in MOST:
        least, counted, most = requests(row, of(row))
        exact += int(counted) == row["most"]
        assert row["most"] * 0.998 <= counted <= (row["most"] + 1) * 1.002, row
        assert least < row["most"] + 1, row
        assert most >= row["most"], row
    assert len(MOST) >= 72
    assert exact >= 42


def test_a_card_that_is_left_out_is_within_the_range_of_the_other() -> None:
    """GB300's starts by Hopper's figures: 1.15 GiB more of each rank is what it knows of them."""
    hopper, blackwell = (besides(2, capability) for capability in (9.0, 10.3))
    assert hopper.least < blackwell.counted < hopper.most
    assert blackwell.counted - hopper.counted == pytest.approx(1.15 * GIB, abs=1)
    assert besides(2, None) == besides(2, 8.9) == besides(2, 12.0) == hopper


def test_one_start_of_another_source_has_its_tokens_within_a_hundredth() -> None:
    (row,) = [row for row in STARTS if row["device"] == "h100" and "tokens" in row]
    found = start(row["catalogue"], row["quant"], row["device"])
    assert found.cache.tokens == pytest.approx(row["tokens"], rel=0.01)
    assert found.most.tokens < row["tokens"] < found.least.tokens
    assert row["tokens"] * found.token.held == pytest.approx(row["kv_gib"] * GIB, rel=1e-4)


@pytest.mark.parametrize("row", [row for row in STARTS if "weights_gib" in row], ids=lambda row: row["model"])
def test_weights_are_those_that_logs_print(row: dict[str, Any]) -> None:
    found = subject(row["catalogue"], row["quant"])
    assert round(loaded_bytes(found.spec, found.quant, Parallel(row["tp"])) / GIB, 2) == row["weights_gib"]


@pytest.mark.parametrize("row", [row for row in STARTS if "tokens" in row], ids=lambda row: row["model"])
def test_bytes_of_a_token_are_those_that_logs_print(row: dict[str, Any]) -> None:
    token = token_bytes(subject(row["catalogue"], row["quant"]).spec, 1, 1, 16)
    assert token.held == token.counted == row.get("token_bytes", token.held)
    assert round(row["tokens"] * token.held / GIB, 2) == row["kv_gib"]


def test_the_share_of_what_a_peak_leaves_is_the_cache() -> None:
    """The sum of the log of gpt-oss-120b, its cache in whole blocks."""
    (row,) = [row for row in STARTS if "peak_gib" in row]
    left = (row["total_gib"] - row["peak_gib"] + row["before_gib"]) * row["share"]
    assert left == pytest.approx(row["kv_gib"], abs=0.01)
    token = TokenBytes(row["token_bytes"], row["token_bytes"])
    blocks = blocks_in(int(row["kv_gib"] * GIB), 1 << 60, row["share"], token)
    assert blocks * BLOCK == pytest.approx(row["tokens"], abs=5 * BLOCK)
    assert row["tokens"] % BLOCK == 0


# -- worked out by hand ------------------------------------------------------------------------------------------------


def test_a_token_by_hand() -> None:
    """K and V of all layers however narrow their window; a latent whole on every rank; FP8 is half of it."""
    qwen = subject("qwen3-30b-a3b").spec
    assert token_bytes(qwen, 1, 1, 16).held == 48 * 2 * 4 * 128 * 2
    # Four KV heads on eight ranks: one each, counted as half of one.
    assert token_bytes(qwen, 8, 1, 16) == TokenBytes(48 * 2 * 128 * 2, 48 * 128 * 2)
    assert token_bytes(subject("gemma-3-27b").spec, 1, 1, 16).held == 62 * 2 * 16 * 128 * 2
    deepseek = subject("deepseek-v3", "fp8-block").spec
    assert token_bytes(deepseek, 8, 1, 8).held == token_bytes(deepseek, 1, 1, 8).held == 61 * (512 + 64)
    assert token_bytes(subject("llama-3.1-70b").spec, 2, 2, 16).held == 40 * 2 * 4 * 128 * 2


def test_where_heads_are_repeated_the_free_memory_decides() -> None:
    """What is counted for a token is half of what it takes: twice the cache would be made, were there room for it."""
    token = TokenBytes(100, 50)
    assert blocks_in(32_000, 100_000, 0.9, token) == 640 // 32
    assert blocks_in(32_000, 40_000, 0.9, token) == ceil(360 / 32)
    assert blocks_in(0, 100, 0.9, token) == blocks_in(10, 100, 0.9, TokenBytes(0, 0)) == 0


def test_a_step_by_hand() -> None:
    shape = subject("llama-3.1-8b").widths
    assert step_bytes(shape, 1000, 1) == 1000 * 5 * (2 * 4096 + 3 * 14336)
    assert step_bytes(shape, 1000, 4) == 1000 * 5 * (2 * 4096 + 3 * 14336 // 4)
    device = line("llama-3.1-8b", "-q", "bf16", "--gpu", "h100", "--max_num_tokens", "2048")
    assert device["compute_bytes"] == step_bytes(shape, 2048, 1)


def test_ranks_beyond_those_measured_take_more_of_each() -> None:
    sizes = [besides(ranks, 9.0).counted for ranks in (1, 2, 4, 8, 16)]
    assert sizes == sorted(sizes)
    assert sizes[4] - sizes[3] == pytest.approx(sizes[3] - sizes[2], abs=2)


def test_scales_are_laid_out_as_kernels_want_them() -> None:
    """NVFP4's for 128 rows; FP8's a byte for each row on Blackwell; a scale for each input of 4 bits."""
    llama = subject("llama-3.1-8b", "nvfp4")
    values, rest = 6_979_321_856, 2 * (2 * 128256 * 4096 + 65 * 4096)
    assert loaded_bytes(llama.spec, llama.quant, Parallel(), 0, 10.0) == values * 9 // 16 + rest
    blocks = subject("llama-3.1-8b", "fp8-block")
    hopper, blackwell = (loaded_bytes(blocks.spec, blocks.quant, Parallel(), 0, each) for each in (9.0, 10.0))
    assert hopper == values + values // 128 // 128 * 4 + rest
    assert blackwell == values + values // 128 + rest
    four = subject("llama-3.1-8b", "w4a16")
    inputs = 32 * (4096 * 4 + 4096 * 2 + 14336)
    plain = loaded_bytes(four.spec, four.quant, Parallel())
    assert plain - inputs * 2 == pytest.approx(values // 2 + values // 128 * 2 + rest, rel=1e-5)


def test_latent_attention_holds_its_factors_again() -> None:
    """Keys' part of kv_b in FP8, and on data centre Blackwell all of it in 16 bits besides."""
    deepseek = subject("deepseek-v3", "fp8-block")
    keys = 61 * 128 * 512 * 128
    assert latent_copies(deepseek.spec, deepseek.quant, 1, 9.0) == keys
    assert latent_copies(deepseek.spec, deepseek.quant, 8, 10.0) == keys // 8 * (1 + 2 * 2)
    assert latent_copies(deepseek.spec, deepseek.quant, 1, 12.0) == keys
    assert latent_copies(deepseek.spec, quant("bf16"), 1, 9.0) == 2 * keys
    assert latent_copies(subject("llama-3.1-8b").spec, quant("bf16"), 1, 9.0) == 0


def test_ranks_share_and_stages_hold_what_stands_there() -> None:
    whole, quarter = (start("llama-3.1-70b", "bf16", "4x h100", tp=ranks).loaded[0] for ranks in (1, 4))
    assert quarter == pytest.approx(whole / 4, rel=1e-3)
    first, last = start("llama-3.1-70b", "bf16", "4x h100", tp=2, pp=2).loaded
    assert first != last
    assert first + last == pytest.approx(whole / 2, rel=1e-3)
    dealt = line("qwen3-30b-a3b", "-q", "bf16", "--gpu", "4x h100", "--ep_size", "4")
    shared = line("qwen3-30b-a3b", "-q", "bf16", "--gpu", "4x h100")
    assert dealt["weights_bytes"] == shared["weights_bytes"]


# -- through the command line ------------------------------------------------------------------------------------------


def test_options_under_its_own_names() -> None:
    device = line("llama-3.1-8b", "-q", "bf16", "--gpu", "2x h100", "--tp_size", "2", "--max_seq_len", "5096")
    assert device["context"] == 5096
    assert len({one["used_bytes"] for one in device["per_device"]}) == 1
    assert device == line("llama-3.1-8b", "-q", "bf16", "--gpu", "2x h100", "--tp", "2", "-c", "5096")
    half, most = (
        line("llama-3.1-8b", "-q", "bf16", "--gpu", "h100", "--kv_cache_free_gpu_memory_fraction", share)
        for share in ("0.45", "0.9")
    )
    assert half["kv_cache_tokens"] == pytest.approx(most["kv_cache_tokens"] / 2, abs=BLOCK)
    assert half["total_bytes"] == most["total_bytes"]
    assert half["usable_bytes"] < most["usable_bytes"]
    eight = line("llama-3.1-8b", "-q", "bf16", "--gpu", "h100", "--kv-dtype", "fp8")
    assert eight["kv_cache_tokens"] == pytest.approx(2 * most["kv_cache_tokens"], abs=2 * BLOCK)


def test_what_to_type() -> None:
    asked = ("llama-3.1-8b", "-q", "bf16", "--gpu", "4x h100", "--tp_size", "2", "--pp_size", "2", "--command")
    shown = " ".join(good("estimate", *asked, "--runtime", "tensorrt-llm", "--max_batch_size", "64").out.split())
    line = (
        "trtllm-serve meta-llama/Llama-3.1-8B-Instruct --max_seq_len 4096 --tp_size 2 --pp_size 2 --max_batch_size 64"
    )
    assert line in shown
    more = ("--kv-dtype", "fp8", "--kv_cache_free_gpu_memory_fraction", "0.8")
    shown = " ".join(good("estimate", *asked, "--runtime", "tensorrt-llm", *more).out.split())
    assert "<(echo 'kv_cache_config: {dtype: fp8, free_gpu_memory_fraction: 0.8}')" in shown
    shown = " ".join(good("estimate", *asked, "--runtime", "tensorrt-llm", *more[2:]).out.split())
    assert "--kv_cache_free_gpu_memory_fraction 0.8" in shown
    asked = ("llama-3.1-8b", "-q", "nvfp4", "--gpu", "b200", "--command")
    assert "trtllm-serve ./llama-3.1-8b-nvfp4 " in good("estimate", *asked, "--runtime", "tensorrt-llm").out


def test_fewer_requests_than_asked_for() -> None:
    few, maybe, enough = (
        estimate("llama-3.1-8b", ["bf16"], gpus=["h100"], runtime="tensorrt-llm", batch=batch, context=8192)
        .estimates[0]
        .devices[0]
        for batch in (60, 54, 40)
    )
    assert [few.fits, few.may_fit] == [False, False]
    assert [note.code for note in few.limits] == ["fewer_requests"]
    assert [note.code for note in maybe.limits] == ["perhaps_fewer_requests"]
    assert enough.fits
    one = estimate("llama-3.1-8b", ["bf16"], gpus=["h100"], runtime="tensorrt-llm", batch=2, max_batch_size=1)
    assert [note.code for note in one.estimates[0].devices[0].limits] == ["fewer_requests"]


def test_memory_that_the_processor_shares_is_a_maybe() -> None:
    device = line("llama-3.1-8b", "-q", "bf16", "--gpu", "dgx-spark")
    assert (device["fits"], device["may_fit"]) == (False, True)
    assert [limit["code"] for limit in device["limits"]] == ["page_cache_counts"]


def test_its_formulas_and_its_note() -> None:
    shown = good(
        "estimate", "llama-3.1-8b", "-q", "bf16", "--gpu", "h100", "--runtime", "tensorrt-llm", "--explain"
    ).out
    for words in ("128 blocks of 32 tokens x 131,072 bytes", "8,192 tokens x 5 bytes x", "free x 0.9 =", "fitted to"):
        assert words in " ".join(shown.split()), words
    shown = good("estimate", "llama-3.1-8b", "-q", "bf16", "--runtime", "tensorrt-llm", "--explain").out
    assert "free x" not in shown
    chinese = good(
        *("estimate", "llama-3.1-8b", "-q", "bf16", "--gpu", "h100", "--runtime", "tensorrt-llm", "--explain"),
        *("--lang", "zh"),
    ).out
    assert "个 32 词元的块" in chinese
    assert "拟合" in chinese


def test_a_bare_size_by_the_general_rule() -> None:
    answer = line("8B", "-q", "bf16", "--gpu", "h100")
    assert answer["overhead_bytes"] >= besides(1, None).counted
    assert answer["fits"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("llama-3.1-8b", "-q", "bf16", "--gpu", "2x h100", "--tp_size", "4"), "devices"),
        (("llama-3.1-8b", "-q", "bf16", "--gpu", "3x h100", "--tp_size", "3"), "32 heads cannot be dealt out"),
        (("qwen3-0.6b", "-q", "bf16", "--gpu", "3x h100", "--pp_size", "3"), "unlike stages"),
        (("qwen3-30b-a3b", "-q", "bf16", "--gpu", "4x h100", "--tp_size", "4", "--ep_size", "3"), "does not divide"),
        (("llama-3.1-8b", "-q", "bf16", "--kv-dtype", "int8"), "cache of TensorRT-LLM in INT8 is not modelled"),
        (("llama-3.1-8b", "-q", "bf16", "--kv-dtype", "k=fp16,v=fp8"), "keeps K and V in the same"),
        (("llama-3.1-8b", "-q", "bf16", "--kv_cache_free_gpu_memory_fraction", "1"), "must be smaller than 1.0"),
        (("llama-3.1-8b", "-q", "bf16", "-c", "100", "--max_seq_len", "200"), "are both one sequence"),
        (("llama-3.1-8b", "-q", "nvfp4", "--gpu", "h100"), "NVFP4 under TensorRT-LLM does not run on h100"),
        (("llama-3.1-8b", "-q", "w4a16", "--gpu", "b200"), "compute capability 8 to 9"),
        (("llama-3.1-8b", "-q", "fp8", "--gpu", "a100-80gb"), "does not run on a100-80gb"),
        (("llama-3.1-8b", "-q", "awq", "--gpu", "h100"), "does not run AWQ"),
        (("llama-3.1-8b", "-q", "bf16", "--gpu", "v100-32gb"), "compute capability 8"),
        (("gemma-4-31b", "-q", "bf16"), "no code for"),
    ],
)
def test_what_is_refused(arguments: tuple[str, ...], words: str) -> None:
    assert words in refused(*arguments)


@pytest.mark.parametrize("name", ["qwen3-next-80b-a3b", "deepseek-v3.2", "llama-3.2-11b-vision", "nemotron-h-8b"])
def test_what_else_is_kept_between_tokens_is_refused(name: str) -> None:
    with pytest.raises(UnsupportedModelError, match="between tokens is not modelled"):
        estimate(name, ["bf16"], gpus=["8x h200"], runtime="tensorrt-llm")


def test_more_ranks_than_devices_and_too_few_layers() -> None:
    asked = Workload(4096, 1, number_format("fp16"), 2, options=(("tp", 4), ("pp", 2)))
    with pytest.raises(UsageError, match="ask for 8 devices, and 4 are named"):
        settled(subject("llama-3.1-8b"), asked, device_set("4x h100"))
    with pytest.raises(UsageError, match="32 layers in 64 unlike stages"):
        estimate("llama-3.1-8b", ["bf16"], gpus=["64x h100"], runtime="tensorrt-llm", pp=64)
    by_itself = settled(subject("llama-3.1-8b"), asked._replace(options=()), device_set("6x h100"))
    assert by_itself.option("tp") == 4
