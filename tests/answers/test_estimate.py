"""``estimate``: parts that add up, ranges, devices, contexts."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmscale import estimate, load
from llmscale.answers.results.estimate import EstimateResult
from llmscale.devices.sets import RESERVE, device_set
from llmscale.errors import NotFoundError, UnsupportedModelError
from llmscale.units import GIB
from tests.helpers import said

MODELS = ["llama-2-7b", "gemma-3-27b", "deepseek-v3", "gpt-oss-20b", "bert-base", "vit-base", "t5-small", "7B", "8x7B"]
QUANTS = ["fp32", "fp16", "int8", "int4"]


@pytest.mark.parametrize("model", MODELS)
def test_the_parts_add_up(model: str) -> None:
    answer = estimate(model)
    assert [line.quant for line in answer.estimates][-len(QUANTS) :] == QUANTS  # after what is published quantised
    for line in answer.estimates:
        parts = line.weights_bytes, line.kv_cache_bytes, line.state_bytes, line.compute_bytes, line.overhead_bytes
        assert line.total_bytes == sum(parts)
        for name, (low, high) in line.ranges.items():
            assert low <= getattr(line, name) <= high
        for device in line.devices:
            assert device.usable_bytes == device.used_bytes + device.free_bytes
            assert device.used_bytes + device.host_bytes == line.total_bytes
            assert not device.fits or device.may_fit
            assert device.fits == (device.headroom_bytes >= 0) or line.ranges


def test_the_figures_of_llama_2_7b() -> None:
    answer = estimate("llama-2-7b", context=4096)
    weights = {line.quant: line.weights_bytes for line in answer.estimates}
    assert weights == {q: 6_738_415_616 * bits // 8 for q, bits in zip(QUANTS, (32, 16, 8, 4), strict=True)}
    assert {line.kv_cache_bytes for line in answer.estimates} == {2_147_483_648}
    assert answer.estimates[0].basis == {
        "weights": "exact",
        "kv_cache": "exact",
        "state": "exact",
        "compute": "modelled",
        "overhead": "modelled",
    }
    assert all(line.ranges == {} for line in answer.estimates)
    assert (answer.model.parameters, answer.model.basis, answer.runtime) == (6_738_415_616, "exact", "transformers")


def test_seven_billion_at_four_bits() -> None:
    (line,) = estimate("7B", ["int4"]).estimates
    assert line.weights_bytes == 3_500_000_000
    assert line.basis["weights"] == "exact"
    assert line.basis["kv_cache"] == "assumed"
    low, high = line.ranges["total_bytes"]
    assert low < line.total_bytes < high


def test_more_bits_never_take_less() -> None:
    for model in MODELS:
        totals = [line.total_bytes for line in estimate(model).estimates[-len(QUANTS) :]]
        assert totals == sorted(totals, reverse=True)
        assert len(set(totals)) == len(QUANTS)


@settings(max_examples=40)
@given(st.sampled_from(MODELS), st.integers(1, 100_000), st.integers(1, 100_000), st.integers(1, 8))
def test_a_longer_context_or_larger_batch_never_takes_less(model: str, one: int, other: int, batch: int) -> None:
    def total(context: int, batch: int) -> int:
        return estimate(model, ["int8"], context=context, batch=batch).estimates[0].total_bytes

    short, long = sorted((one, other))
    assert total(short, batch) <= total(long, batch)
    assert total(one, batch) <= total(one, batch + 1)


@pytest.mark.parametrize(
    ("model", "device"),
    [
        ("qwen2.5-7b", "16GiB"),
        ("gemma-3-27b", "rtx4090"),
        ("gpt-oss-20b", "2x rtx3060-12gb"),
        ("7B", "rtx3060-12gb"),
        ("8x7B", "2x rtx4090"),
        ("deepseek-v2-lite", "24GiB"),
        ("llama-3.1-8b", "m2-ultra"),
    ],
)
def test_the_largest_context_fits_and_one_more_token_does_not(model: str, device: str) -> None:
    def fits(context: int) -> bool:
        (line,) = estimate(model, ["int4"], context=context, gpus=[device]).estimates
        return line.devices[0].fits

    (line,) = estimate(model, ["int4"], gpus=[device]).estimates
    n = line.devices[0].max_context
    limit = load(model).known().max_context
    assert n is not None
    assert fits(n)
    assert n == limit or not fits(n + 1)


def test_a_model_that_always_sees_as_many_tokens_has_no_longest_context() -> None:
    (line,) = estimate("vit-base", ["fp16"], gpus=["24GiB"]).estimates
    assert line.devices[0].fits
    assert line.devices[0].max_context is None


def test_named_devices_answer_in_order_and_with_their_reserve() -> None:
    answer = estimate("7B", ["fp16"], gpus=["rtx4090", "2x rtx3090", "24GB"])
    devices = answer.estimates[0].devices
    assert [(d.id, d.count) for d in devices] == [("rtx4090", 1), ("rtx3090", 2), ("24gb", 1)]
    assert devices[0].usable_bytes == device_set("rtx4090").memory - RESERVE
    assert devices[2].memory_bytes == 24 * GIB
    none = estimate("7B", ["fp16"], gpus=["rtx4090"], reserve="0").estimates[0].devices[0]
    assert none.usable_bytes == none.memory_bytes
    much = estimate("7B", ["fp16"], gpus=["2x rtx4090"], reserve="2GiB").estimates[0].devices[0]
    assert much.usable_bytes == much.memory_bytes - 4 * GIB


def test_without_devices_common_sizes_answer() -> None:
    sizes = [device.memory_bytes // GIB for device in estimate("7B").estimates[0].devices]
    assert sizes == [8, 12, 16, 24, 32, 48, 80]


def test_the_context_is_as_asked_or_the_models_own() -> None:
    assert estimate("llama-2-7b").context == 4096
    assert estimate("gpt2").context == 1024
    assert estimate("llama-2-7b", context=100).context == 100
    assert estimate("llama-3.1-405b").context == 4096
    assert estimate("vit-base").context == 197


def warned(answer: EstimateResult, words: str) -> bool:
    return any(words in sentence for sentence in said(answer))


def test_a_context_beyond_the_model_is_warned_of() -> None:
    assert warned(estimate("llama-2-7b", context=8192), "4,096 tokens")
    assert not estimate("llama-2-7b", context=4096).notes
    assert warned(estimate("vit-base", context=8192), "197 tokens")
    assert not estimate("7B", context=10**6).notes


def test_a_quant_named_twice_is_one_line() -> None:
    assert [line.quant for line in estimate("7B", ["int4", "fp16", "int4"]).estimates] == ["int4", "fp16"]
    assert len(estimate("7B", []).estimates) == 4


def test_kv_formats_and_runtimes_by_name() -> None:
    (full,) = estimate("llama-2-7b", ["fp16"], runtime="transformers").estimates
    (half,) = estimate("llama-2-7b", ["fp16"], kv_dtype="8bit").estimates
    assert half.kv_cache_bytes * 2 == full.kv_cache_bytes
    assert estimate("llama-2-7b", ["fp16"], kv_dtype="8bit").kv_dtype == "int8"
    with pytest.raises(NotFoundError, match="'fp9'"):
        estimate("7B", kv_dtype="fp9")


def test_a_rule_of_the_map_that_names_nothing_is_said_so() -> None:
    told = estimate("llama-3.1-8b", ["q8_0"], quant_map="experts=q4_k,attn=q4_k")
    assert [sentence for sentence in said(told) if "changes nothing" in sentence] == [
        "--quant-map: 'experts' names no matrix of Llama 3.1 8B, so it changes nothing."
    ]


def test_a_gguf_file_is_its_tensors_and_a_little_more() -> None:
    (line,) = estimate("llama-2-7b", ["q4_k_m"]).estimates
    assert line.weights_bytes == 4_080_263_168
    assert line.file_bytes is not None
    # TheBloke/Llama-2-7B-GGUF: llama-2-7b.Q4_K_M.gguf, see tests/truth/files.json.
    assert abs(line.file_bytes - 4_081_004_224) < 10_000
    low, high = line.ranges["file_bytes"]
    assert low <= 4_081_004_224 <= high
    assert line.basis["file"] == "modelled"
    (plain,) = estimate("llama-2-7b", ["int4"]).estimates
    assert plain.file_bytes is None
    assert "file" not in plain.basis


def test_a_group_leaves_out_what_the_model_cannot_be_had_in_and_says_so() -> None:
    answer = estimate("vit-base", ["all"])
    assert {line.quant for line in answer.estimates} >= {"fp16", "int4"}
    assert any("cannot be had in" in sentence and "Q4_K_M" in sentence for sentence in said(answer))
    with pytest.raises(UnsupportedModelError, match="no architecture"):
        estimate("vit-base", ["q4_k_m"])
    with pytest.raises(UnsupportedModelError, match="in any of these quants"):
        estimate("vit-base", ["all-gguf"])
