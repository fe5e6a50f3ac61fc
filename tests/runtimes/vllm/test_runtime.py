"""vLLM through the public interface: against its start-up logs, and what it refuses and prints."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from statistics import median
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmscale.answers.estimate import estimate
from llmscale.answers.results.estimate import DeviceFit, EstimateResult
from llmscale.devices.sets import device_set
from llmscale.errors import UnsupportedModelError, UsageError
from llmscale.formats.catalogue import number_format
from llmscale.render.views.estimate import EstimateView
from llmscale.render.words import words
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.parallel.ranks import Parallel
from llmscale.runtimes.vllm.releases import MEASURED, release
from llmscale.runtimes.vllm.started import layouts
from llmscale.units import GIB
from tests.helpers import good, said
from tests.runtimes.vllm.rows import MODELS, ROWS, case, version

#: What rows say of a checkpoint -> the quant that it is in; the first that is in the row's words.
QUANTS = {
    "fp8dyn": "fp8-dynamic",
    "fp8-dynamic": "fp8-dynamic",
    "w8a8": "w8a8",
    "awq": "awq",
    "mxfp4": "mxfp4",
    "gpt-oss": "mxfp4",
    "fp8": "fp8",
    "float32": "fp32",
}


def quant_of(row: dict[str, Any]) -> str:
    said = f"{row.get('quantization')} {row['model']} {row.get('dtype')}".lower()
    return next((name for word, name in QUANTS.items() if word in said), "bf16")


@cache
def on(
    model: str, quant: str, gpu: str, context: int, kv: str = "fp16", batch: int = 1, **options: Any
) -> EstimateResult:
    return estimate(
        model,
        [quant],
        context=context,
        kv_dtype=kv,
        batch=batch,
        runtime=f"vllm@{MEASURED}",
        gpus=[gpu],
        options={**options},
    )


def device(*args: Any, **options: Any) -> DeviceFit:
    return on(*args, **options).estimates[0].devices[0]


def logged() -> list[tuple[dict[str, Any], DeviceFit]]:
    """The rows of the modelled release's rules that name everything, and what the public interface says."""
    found = []
    for row in ROWS:
        said = version(row)
        known = row["model"] in MODELS and row.get("gpu_memory_utilization") and row.get("kv_cache_tokens")
        if not known or said is None or release(said) != release(MEASURED):
            continue
        gib = case(row).memory / GIB
        name = quant_of(row)
        found.append(
            (
                row,
                device(
                    MODELS[row["model"]],
                    name,
                    f"{gib:.2f}GiB",
                    row["max_model_len"],
                    "fp32" if name == "fp32" else "fp16",
                    tp=row.get("tp"),
                    gpu_memory_utilization=row["gpu_memory_utilization"],
                ),
            )
        )
    return found


def errors(pairs: list[tuple[float, float]]) -> list[float]:
    return sorted(abs(100 * (ours / theirs - 1)) for ours, theirs in pairs)


# Against the logs


def test_weights_of_a_device_are_those_of_the_logs() -> None:
    found = errors([((one.weights_bytes or 0) / GIB, row["weights_gib"]) for row, one in logged()])
    assert len(found) >= 34
    assert median(found) <= 0.05
    assert found[-1] <= 1.4


def test_tokens_and_requests_are_those_of_the_logs() -> None:
    tokens = errors([(one.kv_cache_tokens or 0, row["kv_cache_tokens"]) for row, one in logged()])
    requests = errors([(one.max_concurrency or 0, row["max_concurrency"]) for row, one in logged()])
    for found in (tokens, requests):
        assert len(found) >= 34
        assert median(found) <= 0.1
        assert found[-1] <= 2.5


def test_bytes_of_the_cache_are_those_of_the_logs() -> None:
    found = errors([((one.kv_cache_bytes or 0) / GIB, row["kv_cache_gib"]) for row, one in logged()])
    assert median(found) <= 0.1
    assert found[-1] <= 2.5


def test_what_served_requests_fits() -> None:
    assert all(one.fits and one.headroom_bytes > 0 for _, one in logged())


# Devices


def test_a_bare_size_is_what_cuda_reports_and_a_card_loses_the_drivers_share() -> None:
    assert device_set("79.5GiB").visible == int(79.5 * GIB)
    assert device_set("79.5GiB", GIB).visible == int(78.5 * GIB)
    assert device_set("h100").visible == device_set("h100").each - GIB // 2


def test_one_device_stands_for_all_ranks_that_are_asked_for() -> None:
    one, two = (device("gpt-oss-20b", "mxfp4", gpu, 8192, tp=2) for gpu in ("79.19GiB", "2x 79.19GiB"))
    assert one == two
    assert one.count == 2
    with pytest.raises(UsageError, match="ask for 4 devices, and 2 are named"):
        device("gpt-oss-20b", "mxfp4", "2x 79.19GiB", 8192, tp=2, pp=2)


def test_the_ranks_are_of_one_tensor_unless_told_otherwise() -> None:
    def laid(count: int, **options: Any) -> list[Parallel]:
        return layouts(Workload(8192, 1, number_format("fp16"), 2, None, tuple(options.items())), count, 32)

    assert laid(4)[0] == Parallel(4)
    assert laid(6) == [Parallel(6), Parallel(3, 2), Parallel(2, 3), Parallel(1, 6)]
    assert laid(6, pp=2)[0] == Parallel(3, 2)
    assert laid(8, dp=2, ep=True)[0] == Parallel(4, 1, 2, True)
    assert laid(8, tp=2) == [Parallel(2)]


def test_what_cannot_be_split_becomes_stages() -> None:
    """28 heads on eight devices: four ranks in each of two stages, which hold a quarter of half the layers."""
    eight = device("qwen2.5-7b", "bf16", "8x h100", 8192)
    named = device("qwen2.5-7b", "bf16", "8x h100", 8192, tp=4, pp=2)
    assert replace(eight, command=None) == replace(named, command=None)
    two, staged = (device("qwen2.5-72b", "awq", "2x h100", 8192, **how) for how in ({}, {"tp": 1, "pp": 2}))
    assert replace(two, command=None) == replace(staged, command=None)
    assert (eight.weights_bytes or 0) < 0.16 * on("qwen2.5-7b", "bf16", "h100", 8192).estimates[0].weights_bytes


# Refusals


def test_what_vllm_refuses_is_refused_in_its_words() -> None:
    with pytest.raises(UsageError, match=r"attention heads \(28\) must be divisible by tensor parallel size \(8\)"):
        device("qwen2.5-7b", "bf16", "8x h100", 8192, tp=8)
    with pytest.raises(UsageError, match="not aligned with the quantized weight shape"):
        device("qwen2.5-72b", "awq", "2x h100", 8192, tp=2)  # 29,568 / 2 is no multiple of 128
    with pytest.raises(UnsupportedModelError, match="vLLM does not run EXL3"):
        device("qwen2.5-7b", "exl3-4bpw", "h100", 8192)
    with pytest.raises(UsageError, match="keeps no cache in Q8_0"):
        device("qwen2.5-7b", "bf16", "h100", 8192, "q8_0")
    with pytest.raises(UsageError, match="K and V in the same format"):
        device("qwen2.5-7b", "bf16", "h100", 8192, "k=fp16,v=fp8")
    with pytest.raises(UsageError, match="keeps no cache in FP32"):
        device("qwen2.5-7b", "bf16", "h100", 8192, "fp32")


# What is asked


def test_the_cache_is_whole_blocks_for_every_request() -> None:
    token = 32 * 2 * 8 * 128 * 2
    for context, batch, blocks in ((1, 1, 1), (17, 1, 2), (100, 3, 3 * 7)):
        (line,) = on("llama-3.1-8b", "bf16", "h100", context, batch=batch).estimates
        assert line.kv_cache_bytes == blocks * 16 * token
    assert on("llama-3.1-8b", "bf16", "h100", 100, "fp8").estimates[0].kv_cache_bytes == 7 * 16 * token // 2


def test_recurrent_states_are_told_apart_from_the_cache() -> None:
    (line,) = on("granite-4.0-h-tiny", "bf16", "h100", 4096).estimates
    assert line.state_bytes > 0
    assert line.kv_cache_bytes > 0
    (mamba,) = on("mamba-1.4b", "bf16", "h100", 4096).estimates
    assert mamba.kv_cache_bytes == 0 < mamba.state_bytes
    assert mamba.devices[0].kv_cache_tokens is None
    assert (mamba.devices[0].max_concurrency or 0) > 1


def test_a_request_that_just_fits_does_and_one_token_more_does_not() -> None:
    longest = device("llama-3-70b", "bf16", "2x 79.19GiB", 1024, gpu_memory_utilization=0.89).max_context
    assert longest is not None
    assert 0 < longest < 8192
    for context, fits in ((longest, True), (longest + 1, False)):
        found = device("llama-3-70b", "bf16", "2x 79.19GiB", context, gpu_memory_utilization=0.89)
        assert found.fits is fits
        assert (found.headroom_bytes >= 0) is fits
        assert ((found.max_concurrency or 0) >= 1) is fits


def test_a_model_that_is_too_large_leaves_nothing() -> None:
    found = device("llama-3.1-70b", "bf16", "h100", 4096)
    assert not found.fits
    assert not found.may_fit
    assert found.headroom_bytes < -60 * GIB
    assert (found.kv_cache_bytes, found.kv_cache_tokens, found.max_concurrency) == (0, 0, 0.0)
    assert found.max_context is None


def test_as_many_requests_as_asked_for_must_fit() -> None:
    many = int(device("llama-3.1-8b", "bf16", "rtx4090", 8192).max_concurrency or 0)
    assert many >= 1
    assert device("llama-3.1-8b", "bf16", "rtx4090", 8192, batch=many).fits
    assert not device("llama-3.1-8b", "bf16", "rtx4090", 8192, batch=many + 1).fits


def test_cuda_graphs_must_find_room_outside_the_share() -> None:
    """A sixteenth of a small card is less than what they were measured to take."""
    for options, fits in (
        ({"gpu_memory_utilization": 0.94}, False),
        ({"gpu_memory_utilization": 0.94, "enforce_eager": True}, True),
        ({"gpu_memory_utilization": 0.94, "max_num_seqs": 16}, True),
        ({"gpu_memory_utilization": 0.87}, True),
    ):
        found = device("qwen2.5-7b", "awq", "7.5GiB", 2048, **options)
        assert (found.fits, found.may_fit) == (fits, True)


def test_models_without_a_modelled_cache_take_the_general_rule() -> None:
    for name in ("bert-base", "7B"):
        result = estimate(name, ["bf16"], runtime=f"vllm@{MEASURED}", gpus=["h100"])
        (line,) = result.estimates
        assert any("not modelled" in warning for warning in said(result)) or name == "7B"
        assert line.devices[0].fits
        assert line.devices[0].kv_cache_tokens is None
        assert line.devices[0].usable_bytes == int(device_set("h100").visible * 0.9)


# Properties


@given(low=st.floats(0.3, 0.95), more=st.floats(0, 0.05), context=st.sampled_from([512, 8192, 32768]))
def test_more_memory_is_never_fewer_tokens(low: float, more: float, context: int) -> None:
    less = device("llama-3.1-8b", "fp8", "rtx4090", context, gpu_memory_utilization=low)
    greater = device("llama-3.1-8b", "fp8", "rtx4090", context, gpu_memory_utilization=low + more)
    assert (less.kv_cache_tokens or 0) <= (greater.kv_cache_tokens or 0)
    assert less.may_fit <= greater.may_fit
    assert less.headroom_bytes <= greater.headroom_bytes


def test_cheaper_settings_leave_more() -> None:
    plain = device("llama-3.1-8b", "bf16", "rtx4090", 8192)
    assert (device("llama-3.1-8b", "bf16", "rtx4090", 8192, "fp8").kv_cache_tokens or 0) == pytest.approx(
        2 * (plain.kv_cache_tokens or 0), abs=32
    )
    for options in ({"max_num_seqs": 16}, {"max_num_batched_tokens": 512, "max_num_seqs": 64}):
        assert (device("llama-3.1-8b", "bf16", "rtx4090", 8192, **options).kv_cache_tokens or 0) > (
            plain.kv_cache_tokens or 0
        )


# Words


def test_the_table_names_tokens_requests_and_the_release() -> None:
    result = on("llama-3.1-8b", "bf16", "79.19GiB", 8192, gpu_memory_utilization=0.95)
    report = EstimateView(named=True)(result, words("en"))
    titles = [column.title for column in report.tables[0].columns]
    assert {"KV tokens", "Requests"} <= set(titles)
    assert not result.notes
    tokens = result.estimates[0].devices[0].kv_cache_tokens
    assert report.notes[0].startswith("BF16 on 79.19gib: at once ~116 of 4k, ~58 of 8k")
    assert tokens in [cell.value for row in report.tables[0].rows for cell in row]
    assert release(MEASURED).utilization == 0.9


def test_the_explanation_adds_up() -> None:
    result = estimate("llama-3.1-8b", ["bf16"], context=8192, runtime=f"vllm@{MEASURED}", gpus=["h100"], explain=True)
    text = "\n".join(result.explanation)
    assert f"vLLM {MEASURED}" in text
    assert f"{result.estimates[0].devices[0].weights_bytes:,} weights" in text
    assert f"{result.estimates[0].devices[0].kv_cache_tokens:,} tokens" in text
    assert "512 blocks of 16 tokens x 2,097,152 bytes = 1,073,741,824 bytes" in text


@pytest.mark.parametrize("model", ["llama-3.1-8b", "llama-3.1-70b"])
@pytest.mark.parametrize("release_", [MEASURED, "0.33.0"])
def test_the_sum_of_a_device_adds_up_also_where_it_is_too_small(model: str, release_: str) -> None:
    result = estimate(model, ["bf16"], context=8192, runtime=f"vllm@{release_}", gpus=["h100"], explain=True)
    found = re.search(
        r"([\d,]+) x ([\d.]+) - ([\d,]+) weights - ([\d,]+) activations - ([\d,]+) outside PyTorch"
        r"(?: - ([\d,]+) CUDA graphs)? = (-?[\d,]+) bytes",
        "\n".join(result.explanation),
    )
    assert found is not None
    visible, *parts, left = (int((told or "0").replace(",", "")) for told in found.group(1, 3, 4, 5, 6, 7))
    assert int(visible * float(found[2])) - sum(parts) == left
    assert (left > 0) is (model == "llama-3.1-8b")
    assert (found[6] is None) is (release_ == MEASURED)


def test_llama_cpp_explains_its_own_parts() -> None:
    result = estimate("llama-3.1-8b", ["q4_k_m"], context=1000, explain=True)
    text = "\n".join(result.explanation)
    assert "1 streams x 1,024 cells" in text
    assert f"{result.estimates[0].compute_bytes:,} with host memory" in text


@pytest.mark.parametrize(
    ("options", "starts"), [({}, False), ({"max_num_seqs": 256}, True), ({"enforce_eager": True}, True)]
)
def test_more_sequences_than_blocks_of_state_do_not_start(options: dict[str, Any], starts: bool) -> None:
    """Reported of Qwen3.6-27B, which has this shape, in BF16 on an RTX PRO 6000: 652 blocks for 1,024 sequences."""
    answer = estimate(
        "qwen3.5-27b", ["bf16"], context=262_144, runtime="vllm@0.33", gpus=["rtx-pro-6000"], options=options
    )
    (line,) = answer.estimates[0].devices
    assert line.fits is starts
    told = [limit.values for limit in line.limits if limit.code == "too_many_sequences"]
    assert told == ([] if starts else [{"sequences": 1024, "blocks": 652}])


def test_groups_that_are_alike_are_explained_in_one_line() -> None:
    told = good("estimate", "jamba-v0.1", "-q", "bf16", "--runtime", "vllm", "--gpu", "h200", "--explain").out
    lines = [line for line in told.splitlines() if "KV cache: " in line]
    assert len(lines) == 2
    assert "7 groups of 4 layers, 1 requests x 2 blocks of one state x 1,310,720 bytes = 18,350,080 bytes" in lines[0]
