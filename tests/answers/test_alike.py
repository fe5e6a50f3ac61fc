"""``estimate``, ``fits`` and ``needs`` of one question, where an option, a reserve or a name once parted them."""

from __future__ import annotations

from typing import Any

import pytest

from llmscale import estimate, fits, needs
from llmscale.answers.results.estimate import DeviceFit
from llmscale.errors import UsageError
from tests.helpers import good, run

LLAMA = "llama-3.1-8b"


def on(gpu: str, model: str, quant: str, **asked: Any) -> DeviceFit:
    return estimate(model, [quant], gpus=[gpu], **asked).estimates[0].devices[0]


def test_a_reserve_leaves_out_what_it_leaves_nothing_of() -> None:
    first = needs(LLAMA, ["q4_k_m"], reserve="4GiB").devices[0]
    same = on(first.id, LLAMA, "q4_k_m", reserve="4GiB")
    assert (same.fits, same.usable_bytes) == (True, first.usable_bytes)
    sizes = [fit.id for fit in estimate(LLAMA, ["q4_k_m"], reserve="20GiB").estimates[0].devices]
    assert sizes == ["24gib", "32gib", "48gib", "80gib"]
    assert [one.device.id for one in fits(reserve="12GiB", limit=1).devices] == ["16gib", "24gib"]
    for ask in (needs, estimate):
        with pytest.raises(UsageError, match="leaves nothing of"):
            ask(LLAMA, ["q4_k_m"], reserve="1TiB")


@pytest.mark.parametrize("model", [LLAMA, "7B"])
def test_one_device_stands_for_as_many_as_the_options_ask_for(model: str) -> None:
    asked: dict[str, Any] = {"runtime": "vllm", "tp": 2}
    seen, told = on("l40s", model, "fp8", **asked), fits("l40s", model, quant="fp8", **asked)
    assert (seen.count, told.device.count) == (2, 2)
    assert (seen.used_bytes, seen.max_context) == (told.models[0].used_bytes, told.models[0].max_context)
    rows = needs(model, "fp8", everything=True, **asked).devices
    assert {row.count for row in rows} == {2}
    assert next(row.used_bytes for row in rows if row.id == "l40s") == seen.used_bytes


def test_fewer_devices_than_the_options_ask_for_are_refused_of_a_size_and_of_a_list_too() -> None:
    for runtime in ("vllm", "sglang"):
        with pytest.raises(UsageError, match="ask for 4 devices together, and 2 are named"):
            estimate("7B", "fp8", gpu="2x l40s", runtime=runtime, tp=4)
        with pytest.raises(UsageError, match="ask for 4 devices together, and 2 are named"):
            fits("2x l40s", runtime=runtime, tp=4)


def test_more_devices_than_needs_may_name_are_refused_with_what_to_add() -> None:
    with pytest.raises(UsageError, match="ask for 16 devices together, and --max-count is 8") as refused:
        needs(LLAMA, "fp8", runtime="vllm", tp=8, pp=2)
    assert refused.value.hint == "Add --max-count 16."
    assert needs(LLAMA, "fp8", runtime="vllm", tp=4).devices[0].count == 4


def test_what_needs_names_is_what_estimate_reads() -> None:
    rows = needs(LLAMA, "q4_k_m", kind="unified", everything=True).devices
    carved = [row for row in rows if row.id.startswith("ryzen-ai-max-395")]
    assert [row.id for row in carved][:2] == ["ryzen-ai-max-395 32GB", "ryzen-ai-max-395 64GB"]
    for row in (*carved, *(row for row in rows if row.id.startswith("m4"))):
        read = on(row.id, LLAMA, "q4_k_m")
        assert (read.memory_bytes, read.usable_bytes) == (row.memory_bytes, row.usable_bytes)


def test_a_prompt_that_is_said_is_part_of_every_context_that_is_tried() -> None:
    asked: dict[str, Any] = {"runtime": "transformers", "prompt_tokens": 1000}
    none = on("12GiB", LLAMA, "bf16", **asked)
    assert (none.fits, none.max_context) == (False, None)
    assert fits("12GiB", LLAMA, quant="bf16", **asked).models[0].max_context is None
    short = on("17GiB", LLAMA, "bf16", context=100_000, **asked)
    assert not short.fits
    assert short.max_context is not None
    assert 1000 < short.max_context < 100_000
    assert on("17GiB", LLAMA, "bf16", context=short.max_context, **asked).fits
    assert not on("17GiB", LLAMA, "bf16", context=short.max_context + 1, **asked).fits


@pytest.mark.parametrize("context", [1, 448, 1500, 1501, 100_000])
def test_an_encoder_of_sound_has_its_own_number_of_tokens(context: int) -> None:
    (line,) = estimate("whisper-large-v3", "fp16", gpu="h200", context=context).estimates
    assert line.kv_cache_bytes == 32 * (context + 1500) * 2 * 1280 * 2
    assert line.compute_bytes >= 0
    assert line.total_bytes == line.devices[0].used_bytes > line.weights_bytes + line.kv_cache_bytes


def test_what_sglang_may_use_of_a_small_device_is_never_less_than_nothing() -> None:
    found = on("4GiB", LLAMA, "gptq-int8-gnone", runtime="sglang")
    assert not found.fits
    assert found.usable_bytes > 0
    assert found.usable_bytes == found.used_bytes + found.free_bytes


def test_memory_below_nothing_is_none() -> None:
    for ask in (lambda: estimate(LLAMA, "q4_k_m", gpu="-5GiB"), lambda: fits("2x -24GB", LLAMA)):
        with pytest.raises(UsageError, match="is not a memory size"):
            ask()


def test_a_context_of_nothing_is_refused_by_serve_cost_too() -> None:
    assert "--context 0 is not possible" in run("serve-cost", LLAMA, "--gpu", "h100", "--context", "0").err


@pytest.mark.parametrize("asked", [("7B", "--method", "freeze"), ("dinov3-vitb16", "--method", "lora")])
def test_layers_that_nothing_is_trained_before_are_run_again_whole(asked: tuple[str, ...]) -> None:
    answer = good("train", *asked, "--lora-targets", "all-linear", "--checkpointing", "full", "-o", "json").json()
    assert 0 < answer["flops"]["recompute"] <= answer["flops"]["forward"]


def test_a_named_model_that_is_not_fast_enough_is_none_that_fits() -> None:
    slow = good("fits", "24GiB", LLAMA, "--min-speed", "1e6", "-o", "json").json()
    assert (slow["models"], slow["choices"], slow["hidden"]) == ([], [], 1)
    assert "nothing fits" in good("fits", "rtx4090", LLAMA, "--min-speed", "1e6").out


def test_a_purpose_that_there_is_not_is_refused_beside_a_model_too() -> None:
    assert run("fits", "24GiB", LLAMA, "--for", "cooking").err.startswith("error: --for 'cooking' is not known.")


def test_ram_in_bytes_is_that_of_a_processor() -> None:
    assert on("cpu", LLAMA, "q4_k_m", ram=64 * 2**30).memory_bytes == 64 * 2**30


def test_how_a_step_is_trained_needs_training() -> None:
    for option in (("--seq", "2k"), ("--micro-batch", "0"), ("--checkpointing", "none")):
        assert "say how a model is trained" in run("needs", LLAMA, *option).err


def test_a_method_that_trains_nothing_is_refused() -> None:
    asked = ("train", LLAMA, "--method", "oft", "--lora-targets", "all-linear", "--lora-rank")
    refused = run(*asked, "1")
    assert (refused.status, refused.err) == (
        2,
        "error: --method oft trains nothing of Llama 3.1 8B so.\nhint: Choose a larger --lora-rank.\n",
    )
    assert good(*asked, "8", "-o", "json").json()["trainable_parameters"] > 0
