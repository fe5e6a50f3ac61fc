"""What two answers, or two figures of one, once said of the same thing differently; each stays mended."""

from __future__ import annotations

import csv
import io
import re
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from llmscale import estimate, fits, load, needs
from llmscale.answers.question import question
from llmscale.answers.results.estimate import DeviceFit
from llmscale.answers.results.fits import FitsResult
from llmscale.devices.sets import device_set
from llmscale.errors import LlmscaleError, NotFoundError, UsageError
from llmscale.fit.pace import moved
from llmscale.fit.pace import pace as pace_of
from llmscale.fit.place import place
from llmscale.fit.subject import model_of
from llmscale.formats.catalogue import quant as find_quant
from llmscale.render.views.cells import pace, pace_range
from llmscale.runtimes.placed import Verdict
from llmscale.runtimes.registry import NAMES
from llmscale.units import GIB
from tests.helpers import good, numbers, run, write_config


def on(gpu: str, model: str, quant: str, **asked: Any) -> DeviceFit:
    (line,) = estimate(model, [quant], gpus=[gpu], **asked).estimates
    return line.devices[0]


def fitted(gpu: str, models: list[str], quant: str | None = None, **asked: Any) -> FitsResult:
    answer = fits(gpu, models, quants=[quant] if quant else [], **asked)
    assert isinstance(answer, FitsResult)
    return answer


def same(gpu: str, model: str, quant: str, **asked: Any) -> None:
    """`estimate` and `fits` say the same."""
    device, (line,) = on(gpu, model, quant, **asked), fitted(gpu, [model], quant, **asked).models
    assert line.fits == device.fits
    for key in ("usable_bytes", "used_bytes", "free_bytes", "host_bytes"):
        assert getattr(line, key) == getattr(device, key), key
    if device.fits:
        assert line.max_context == device.max_context
        assert line.tokens_per_second == device.tokens_per_second


# -- figures of a row add up -------------------------------------------------------------------


@pytest.mark.parametrize("runtime", NAMES)
def test_what_is_free_is_of_all_cards_and_headroom_of_the_fullest(runtime: str) -> None:
    quant = {
        "vllm": "awq",
        "sglang": "awq",
        "lmdeploy": "awq",
        "tensorrt-llm": "w4a16",
        "ktransformers": "fp8-block",
        "mlx": "mlx-4bit",
        "exllama": "exl2-4.0bpw",
        "transformers": "nf4",
    }
    gpu = "2x m2-ultra" if runtime == "mlx" else "2x rtx3090"
    model = "qwen3-235b-a22b" if runtime == "ktransformers" else "llama-3.3-70b"
    device = on(gpu, model, quant.get(runtime, "q4_k_m"), runtime=runtime)
    assert len(device.per_device) == device.count == 2
    assert device.usable_bytes == device.used_bytes + device.free_bytes
    assert device.free_bytes == sum(one.free_bytes for one in device.per_device)
    assert device.headroom_bytes == min(one.free_bytes for one in device.per_device)


@pytest.mark.parametrize("arguments", [["-q", "awq", "--gpu", "2x rtx3090"], ["-q", "q4_k_m", "--gpu", "2x rtx4090"]])
def test_the_row_of_two_cards_adds_up_on_the_screen(arguments: list[str]) -> None:
    lines = good("estimate", "llama-3.3-70b", *arguments, "--quiet").out.splitlines()
    top = next(at for at, line in enumerate(lines) if line.startswith("Device"))
    head, row = lines[top].split(), lines[top + 2]
    assert {"Device", "Quant", "Fits"} <= set(head)
    weights, cache, other, used, free, usable = numbers(row.partition("yes")[2])[:6]
    assert weights + cache + other == pytest.approx(used, abs=0.021)
    assert used + free == pytest.approx(usable, abs=0.011)


def test_weights_are_no_more_than_what_is_used() -> None:
    answer = fitted("rtx3060", ["llama-3.1-8b"])
    assert answer.choices
    for choice in answer.choices:
        assert sum(choice.parts.values()) == choice.used_bytes == choice.total_bytes - choice.host_bytes
        assert choice.weights_bytes <= choice.total_bytes
    shown = good("fits", "rtx3060", "llama-3.1-8b", "--quiet").out.splitlines()[4:]
    assert len(shown) == len(answer.choices)
    for row in shown:
        used, free = numbers(row.partition("~")[2])[:2]
        assert used + free == pytest.approx(answer.device.usable_bytes / GIB, abs=0.011)


def test_csv_says_in_what_a_figure_is() -> None:
    rows = list(csv.DictReader(io.StringIO(good("compare", "gpt-3", "llama-2-70b", "-o", "csv").out)))
    facts = {row["fact"]: row["llama-2-70b"] for row in rows}
    assert facts["fp32_bytes"] == str(4 * 68_976_648_192)
    assert not any("GiB" in fact for fact in facts)


# -- two commands, one answer ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gpu", "model", "quant", "asked"),
    [
        ("4x h100", "llama-3.1-70b", "bf16", {"runtime": "vllm"}),
        ("rtx3060", "qwen3-14b", "q4_k_m", {}),
        ("2x arc-a310", "gemma-7b", "q3_k_l", {}),
        ("2x rtx3090", "ling-flash-2.0", "q3_k_m", {}),
        ("2x rtx3090", "llama-3.3-70b", "awq", {}),
    ],
)
def test_estimate_and_fits_say_the_same(gpu: str, model: str, quant: str, asked: dict[str, Any]) -> None:
    same(gpu, model, quant, **asked)


PAIRS = {
    "llama.cpp": ("q4_k_m", "q8_0"),
    "ollama": ("q4_k_m",),
    "vllm": ("bf16", "awq"),
    "sglang": ("bf16",),
    "lmdeploy": ("bf16", "awq"),
    "tensorrt-llm": ("bf16", "fp8"),
    "ktransformers": ("bf16", "fp8-block"),
    "transformers": ("bf16", "nf4"),
    "mlx": ("mlx-4bit",),
    "exllama": ("exl2-4.0bpw",),
}
MODELS = ("llama-3.1-8b", "gemma-3-27b", "qwen3-30b-a3b", "pythia-2.8b")


@pytest.mark.parametrize(("runtime", "model"), list(product(PAIRS, MODELS)))
def test_estimate_and_fits_say_the_same_under_every_runtime(runtime: str, model: str) -> None:
    gpus = ("m3-max:64GB",) if runtime == "mlx" else ("rtx3060-12gb", "2x rtx3090", "h100")
    for quant, gpu in product(PAIRS[runtime], gpus):
        try:
            on(gpu, model, quant, runtime=runtime)
        except LlmscaleError:  # the runtime refuses the model, or so many devices
            continue
        same(gpu, model, quant, runtime=runtime)


@pytest.mark.parametrize("quant", ["f16", "q4_k_m"])
def test_as_much_of_two_cards_is_usable_in_both(quant: str) -> None:
    both = on("2x rtx3090", "llama-3.1-8b", quant).usable_bytes
    assert both == fitted("2x rtx3090", ["llama-3.1-8b"], quant).device.usable_bytes


# -- what is printed is so ---------------------------------------------------------------------


def test_heads_that_three_ranks_cannot_share_are_not_shared() -> None:
    with pytest.raises(UsageError, match=r"heads \(64\) must be divisible"):
        on("3x l40s", "qwen3-32b", "fp8", runtime="vllm", options={"tp": 3})
    device = on("3x l40s", "qwen3-32b", "fp8", runtime="vllm")
    assert device.fits
    assert "--tensor-parallel-size" not in (device.command or "")
    assert "--pipeline-parallel-size 3" in (device.command or "")
    found = needs("qwen3-32b", ["fp8"], runtime="vllm", max_count=8, everything=True).devices
    assert {one.count for one in found} == {1, 2, 4, 8}


def test_nothing_on_the_card_has_a_speed() -> None:
    options = {"gpu_layers": "0", "ram_bandwidth": 70 * 10**9}
    device = on("rtx3090", "llama-3.1-8b", "q4_k_m", options=options)
    assert device.fits
    assert 0 < (device.tokens_per_second or 0) < 70e9 / 4.3e9


def test_nearly_nothing_on_the_card_has_a_speed() -> None:
    asked = question(options={"ram": 256 * 10**9, "ram_bandwidth": 70 * 10**9})
    model, devices, quant = model_of(load("glm-5.2").known()), device_set("rtx3060"), find_quant("iq2_m")
    runtime, subject = asked.runs(quant), model.subject(quant, "llama.cpp")
    settled = place(runtime, subject, asked.work(model.about, quant, [devices]), devices)
    assert settled.placed.fits is Verdict.YES
    speed = pace_of(runtime, moved(subject), quant.id, settled.work, settled.placed, devices)
    assert speed is not None
    assert speed.decode.low < speed.decode.value < speed.decode.high


@pytest.mark.parametrize(
    ("gpu", "model", "quant", "context", "batch", "runtime", "granule"),
    [
        ("rtx4090 + rtx3060", "ministral-3-8b", "q8_0", 2048, 2, "llama.cpp", 256),
        ("10GiB", "llama-3.1-8b", "awq", 512, 4, "vllm", 16),
    ],
)
def test_the_longest_context_fits_and_the_next_does_not(
    gpu: str, model: str, quant: str, context: int, batch: int, runtime: str, granule: int
) -> None:
    def asked(context: int, batch: int) -> DeviceFit:
        return on(gpu, model, quant, context=context, batch=batch, runtime=runtime)

    device = asked(context, batch)
    longest, most = device.max_context, device.max_batch
    assert longest is not None
    assert device.fits == (longest >= context)
    assert asked(longest, batch).fits
    assert not asked(longest + granule, batch).may_fit
    assert most is not None
    assert asked(context, most).fits
    assert not asked(context, most + 1).fits


def test_a_verdict_says_that_a_context_is_beyond_the_models_own_limit() -> None:
    device = on("rtx4090", "llama-13b", "q4_k_m", context=8192)
    assert device.max_context == 2048
    assert [(told.code, told.values) for told in device.limits] == [
        ("context_beyond_limit", {"context": 8192, "limit": 2048})
    ]
    assert "yes*" in good("estimate", "llama-13b", "-q", "q4_k_m", "-c", "8192", "--gpu", "rtx4090").out
    assert not on("rtx4090", "llama-13b", "q4_k_m", context=2048).limits


@pytest.mark.parametrize(("layers", "typed"), [("10", "-ngl 10"), ("3", "-ngl 3")])
def test_layers_are_typed_as_they_were_asked_for(layers: str, typed: str) -> None:
    device = on("rtx4090", "pythia-70m", "q4_k_m", options={"gpu_layers": layers})
    assert f" {typed} " in (device.command or "")
    assert (device.gpu_layers, device.layers) == (min(int(layers), 7), 7)


@pytest.mark.parametrize(
    ("model", "published"),
    [
        ("mistral-7b-v0.1", {}),
        ("qwen-14b", {}),
        ("bloom-7b1", {"seq_length": 2048}),
        ("t5-large", {"n_positions": 512}),
    ],
)
def test_a_model_by_name_and_by_its_own_config_is_one(model: str, published: dict[str, Any], tmp_path: Path) -> None:
    entry = load(model).entry
    assert entry is not None
    own = write_config(tmp_path, {**(entry.config or {}), **published})
    by_name, by_config = (estimate(reference, ["fp16"], gpus=["80GiB"]) for reference in (model, str(own)))
    assert by_name.context == by_config.context
    assert by_name.estimates == by_config.estimates


@pytest.mark.parametrize(
    ("runtime", "linked"),
    [("vllm", {"h100"}), ("sglang", {"h100", "h100-nvl"})],
    ids=["vllm: what a switch links", "sglang: what NVLink links"],
)
def test_only_cards_that_are_linked_take_memory_for_it(runtime: str, linked: set[str]) -> None:
    """By the one rule of what links devices: h100 by a switch, h100-nvl in pairs by a bridge, h100-pcie by its slot."""

    def overhead(gpu: str) -> int:
        return on(gpu, "llama-3.1-8b", "bf16", runtime=runtime).per_device[0].parts["overhead"]

    unlinked = overhead("2x h100-pcie")
    assert {gpu for gpu in ("h100", "h100-nvl", "h100-pcie") if overhead(f"2x {gpu}") > unlinked} == linked
    assert overhead("2x a100-pcie-80gb") <= overhead("2x a100-80gb")
    speeds = [
        on(f"2x {gpu}", "llama-3.1-70b", "awq", runtime=runtime).tokens_per_second for gpu in ("h100", "h100-pcie")
    ]
    assert None not in speeds
    assert speeds[0] > speeds[1]  # type: ignore[operator]


# -- words -------------------------------------------------------------------------------------


def test_one_candidate_is_no_choice() -> None:
    assert load("llama-2-13").known().id == "llama-2-13b"
    with pytest.raises(NotFoundError, match="could be any of"):
        load("llama-2")
    for name in ("llama-3-7", "qwen2.5-1", "gpt-3-1"):
        assert "any of 1 " not in run("params", name).err


def test_speeds_have_no_exponent() -> None:
    assert pace_range((48.7, 99.6)).text == "49–100"
    for tokens in (0.00123, 0.896, 9.96, 99.6, 996.0, 99_600.0, 1e7):
        assert re.fullmatch(r"~\d+(\.\d+)?k?", pace(tokens).text)


def test_what_is_to_be_read_with_an_answer_is_a_code_in_every_language() -> None:
    asked = ("estimate", "llama-13b", "-q", "q4_k_m", "-c", "8192", "-o", "json")
    answer = good(*asked).json()
    assert answer["notes"] == [{"code": "context_beyond_limit", "values": {"context": 8192, "limit": 2048}}]
    assert answer["warnings"] == ["A context of 8,192 is beyond the model's own limit of 2,048 tokens."]
    assert good(*asked, "--lang", "zh").json() == answer
    shown = good(*asked[:-2], "--lang", "zh").out
    assert "上下文 8,192 超出" in shown
    assert "beyond the model" not in shown
