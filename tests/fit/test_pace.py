"""How fast a subject runs where it lies: what must hold of any such answer."""

from __future__ import annotations

import re
from typing import Any

import pytest

from llmscale.answers.estimate import estimate
from llmscale.answers.needs import needs
from llmscale.answers.results.estimate import DeviceFit
from llmscale.fit.pace import TWO_CHANNELS
from tests.helpers import good, run

GB = 10**9


def on(gpu: str, model: str = "llama-3-8b", quant: str = "q4_k_m", **asked: Any) -> DeviceFit:
    return estimate(model, [quant], gpus=[gpu], **asked).estimates[0].devices[0]


def speed(gpu: str, **asked: Any) -> float:
    found = on(gpu, **asked).tokens_per_second
    assert found is not None
    return found


def test_a_known_card_has_a_speed_its_range_and_a_first_token() -> None:
    device = on("rtx4090")
    assert device.tokens_per_second is not None
    assert device.tokens_per_second_range is not None
    low, high = device.tokens_per_second_range
    assert low < device.tokens_per_second < high < 1008e9 / 4.5e9
    assert device.first_token_seconds is not None
    assert device.first_token_seconds_range is not None
    soonest, latest = device.first_token_seconds_range
    assert soonest < device.first_token_seconds < latest


def test_apple_has_a_first_token_too() -> None:
    waits = [on(name).first_token_seconds for name in ("m1", "m2-max", "m3-ultra", "m4-max", "m5-max")]
    assert all(wait is not None for wait in waits)
    assert max(filter(None, waits)) == waits[0]


def test_the_cache_is_as_full_as_the_context() -> None:
    # 40 % more bytes than the weights alone: 4.6 GB and 2 x 32 x 1,024 x 2 bytes a token.
    assert speed("a100", context=16384) < speed("a100", context=1) / 1.1
    assert speed("a100", context=8192, kv_dtype="q8_0") > speed("a100", context=8192)
    assert speed("a100", context=8192, kv_dtype="k=fp16,v=q8_0") > speed("a100", context=8192)


@pytest.mark.parametrize("options", [{"gpu_layers": "20"}, {"n_cpu_moe": 10}])
def test_what_lies_in_ram_is_as_fast_as_the_ram(options: dict[str, Any]) -> None:
    model = "qwen3-30b-a3b"
    slow, fast = ({**options, "ram_bandwidth": speed * GB} for speed in (40, 80))
    left = speed("rtx3090", model=model, options=slow)
    assert left < speed("rtx3090", model=model, options=fast) < speed("rtx3090", model=model)


@pytest.mark.parametrize("options", [{"gpu_layers": "20"}, {"n_cpu_moe": 10}])
def test_ram_that_nobody_describes_is_that_of_two_channels(options: dict[str, Any]) -> None:
    found = on("rtx3090", "qwen3-30b-a3b", options=options)
    least, usual, most = (
        on("rtx3090", "qwen3-30b-a3b", options={**options, "ram_bandwidth": round(reads)}) for reads in TWO_CHANNELS
    )
    assert found.tokens_per_second == usual.tokens_per_second
    ends = [one.tokens_per_second_range or (0, 0) for one in (least, most)]
    assert found.tokens_per_second_range == (ends[0][0], ends[1][1])
    assert found.first_token_seconds == usual.first_token_seconds


def test_of_a_server_s_ram_nobody_can_say() -> None:
    assert on("a100", "qwen3-30b-a3b", options={"n_cpu_moe": 10}).tokens_per_second is None


def test_it_is_said_how_fast_the_ram_is_taken_to_be() -> None:
    asked = ("estimate", "qwen3-30b-a3b", "-q", "q4_k_m", "--gpu", "rtx3060", "--ram", "32GB")
    assert "RAM is taken to read 51–96 GB/s" in good(*asked).out
    assert "taken to read" not in good(*asked, "--ram-bandwidth", "60GB/s").out
    assert "51–96 GB/s" in good("fits", "rtx3060", "--ram", "32GB").out


def test_what_does_not_fit_a_processor_s_ram_has_no_speed() -> None:
    small = on("raspberry-pi-5", "llama-3-8b")
    assert not small.fits
    assert small.tokens_per_second is None
    assert on("raspberry-pi-5:16GB", "llama-3-8b").tokens_per_second


def test_what_does_not_fit_and_was_not_put_into_ram_has_no_speed() -> None:
    (line,) = estimate("mixtral-8x7b", ["q4_k_m"], gpus=["rtx4090"]).estimates
    assert line.devices[0].tokens_per_second is None
    assert not any("GB/s" in str(note) for note in estimate("mixtral-8x7b", ["q4_k_m"], gpus=["rtx4090"]).notes)


def test_more_layers_on_the_device_are_faster() -> None:
    speeds = [
        speed("rtx3090", options={"gpu_layers": str(layers), "ram_bandwidth": 80 * GB}) for layers in (1, 10, 20, 33)
    ]
    assert speeds == sorted(speeds)
    assert speeds[-1] == speed("rtx3090")


def test_each_layer_whose_experts_lie_in_ram_costs_speed() -> None:
    asked = [{"n_cpu_moe": layers, "ram_bandwidth": 80 * GB} for layers in (48, 40, 10, 1)]
    speeds = [speed("rtx3090", model="qwen3-30b-a3b", options=options) for options in asked]
    assert speeds == sorted(set(speeds))
    assert speeds[-1] < speed("rtx3090", model="qwen3-30b-a3b")
    # Every layer costs as much as any other.
    waits = [1 / each for each in speeds]
    assert (waits[0] - waits[1]) / 8 == pytest.approx((waits[2] - waits[3]) / 9)


def test_a_model_too_large_for_the_card_has_the_speed_of_both_sides() -> None:
    device = on("rtx4090", "llama-3-70b", options={"ram_bandwidth": 80 * GB})
    assert not device.fits
    assert device.gpu_layers is not None
    assert device.layers is not None
    assert device.tokens_per_second is not None
    # 42.5 GB, of which the layers in RAM take half a second a token and more.
    in_ram = 42.5e9 * (1 - device.gpu_layers / device.layers)
    assert device.tokens_per_second < 80e9 / in_ram
    assert device.tokens_per_second > 80e9 / in_ram / 3


def test_layers_on_unlike_cards_take_the_time_of_both() -> None:
    both = speed("rtx4090 + rtx3060")
    assert speed("rtx3060") < both < speed("rtx4090")


@pytest.mark.parametrize(
    ("model", "quant", "more", "explained"),
    [
        ("qwen2.5-7b", "q4_k_m", (), True),
        ("qwen2.5-7b", "q4_k_m", ("--draft", "qwen2.5-0.5b"), False),  # what a draft saves nobody knows
        ("7B", "q4_k_m", (), False),
        ("bert-base-uncased", "fp16", (), False),
    ],
)
def test_a_step_is_explained_where_its_speed_is_known(
    model: str, quant: str, more: tuple[str, ...], explained: bool
) -> None:
    said = run("estimate", model, "-q", quant, "--gpu", "rtx4090", *more, "--explain")
    assert said.status == 0
    assert ("GB of weights x 1" in said.out) is explained


def test_a_batch_is_faster_together_and_slower_each() -> None:
    one, eight = speed("rtx4090"), speed("rtx4090", batch=8)
    assert one < eight < 8 * one


def test_cards_that_share_every_matrix_are_faster_together() -> None:
    one, four = (speed(gpu, quant="awq") for gpu in ("a100-80gb", "4x a100-80gb"))
    assert one < four < 4 * one


def test_transformers_on_a_card_of_another_class_says_less() -> None:
    device = on("rtx4090", quant="fp16")
    assert device.tokens_per_second is not None
    assert device.tokens_per_second_range is not None
    low, high = device.tokens_per_second_range
    assert low < device.tokens_per_second / 4
    assert high > device.tokens_per_second * 1.2


@pytest.mark.parametrize("text", ["80", "fast", "0GB/s", "-1GB/s", "1MB/s", "80TB/s", ""])
def test_a_bandwidth_that_cannot_be_meant_is_refused(text: str) -> None:
    answer = run("estimate", "llama-3-8b", "-q", "q4_k_m", "--gpu", "rtx4090", "--ram-bandwidth", text)
    assert answer.status == 2
    assert "--ram-bandwidth" in answer.err
    assert "80GB/s" in answer.err


def test_only_llama_cpp_knows_the_bandwidth_of_ram() -> None:
    answer = run("estimate", "llama-3-8b", "-q", "awq", "--gpu", "rtx4090", "--ram-bandwidth", "80GB/s")
    assert answer.status == 2
    assert "--ram-bandwidth is an option of llama.cpp" in answer.err


def test_the_table_shows_speeds_and_gives_up_the_last_of_them_first() -> None:
    ask = ("estimate", "llama-3-8b", "-q", "q4_k_m", "--gpu", "2x rtx3090", "--width")
    wide, narrow, narrower = (run(*ask, width).out for width in ("140", "110", "80"))
    assert "95 in 100" in wide.partition("not exact")[0]
    for out, hidden in ((narrow, "Too narrow to show: 95 in 100."), (narrower, "Other GiB, Usable GiB")):
        table, _, notes = out.partition("not exact")
        assert re.search(r" ~110 +~0\.94 s", table)
        assert "95 in 100" not in table
        assert hidden in notes


def test_csv_has_all_of_it() -> None:
    answer = run("estimate", "llama-3-8b", "-q", "q4_k_m", "--gpu", "rtx3090", "-o", "csv", "--width", "40").out
    head, row = answer.splitlines()[:2]
    values = dict(zip(head.split(","), row.split(","), strict=True))
    low, high = (float(values[f"tokens_per_second_{end}"]) for end in ("low", "high"))
    assert low < float(values["tokens_per_second"]) < high
    assert float(values["first_token_seconds"]) > 0


def test_where_nothing_is_known_nothing_is_shown() -> None:
    out = run("estimate", "llama-3-8b", "-q", "q4_k_m", "--gpu", "24GiB").out
    assert "t/s" not in out


def test_needs_says_what_estimate_says() -> None:
    lines = needs("llama-3-8b", ["q4_k_m"], everything=True).devices
    known = [line for line in lines if line.tokens_per_second]
    assert len(known) > 100
    for line in known[:: len(known) // 5]:
        device = on(f"{line.count}x {line.id}")
        assert line.tokens_per_second == device.tokens_per_second
        assert line.tokens_per_second_range == device.tokens_per_second_range
    assert "t/s" in run("needs", "llama-3-8b", "-q", "q4_k_m").out


def test_the_explanation_adds_up_to_the_speed() -> None:
    asked = {"gpus": ["rtx4090"], "explain": True}
    answer = estimate("llama-3-8b", ["q4_k_m"], **asked)
    (line,) = [line for line in answer.explanation if "tokens a second" in line]
    told = re.search(
        r"\(([\d.]+) GB of weights x ([\d.]+) \+ ([\d.]+) GB of cache x ([\d.]+)\) at 1,008 GB/s \+ "
        r"([\d.]+) GFLOP x ([\d.]+) at ([\d.]+) TFLOPS FP32 \+ (\d+) matrices x ([\d.]+) us, x ([\d.]+) for this",
        line,
    )
    assert told is not None
    weights, by, cache, cache_by, work, unpack, shaders, matrices, launch, device = map(float, told.groups())
    seconds = (weights * by + cache * cache_by) / 1008 + work * unpack / shaders / 1e3 + matrices * launch * 1e-6
    assert 1 / seconds / device == pytest.approx(answer.estimates[0].devices[0].tokens_per_second, rel=0.01)


def test_the_explanation_tells_all_sides_and_nothing_where_there_is_no_speed() -> None:
    split = estimate(
        "llama-3-70b", ["q4_k_m"], gpus=["rtx4090"], options={"ram_bandwidth": 80 * GB}, explain=True
    ).explanation
    (line,) = [line for line in split if "tokens a second" in line]
    assert "at 1,008 GB/s" in line
    assert "at 80 GB/s" in line
    assert "nothing like it was measured" in line
    none = estimate("llama-3-70b", ["q4_k_m"], gpus=["rtx4090"], explain=True).explanation
    assert not any("tokens a second" in line for line in none)


def test_speed_is_said_where_it_was_measured() -> None:
    (line,) = estimate("llama-3.1-8b", ["q4_k_m"], gpus=["rtx4090", "24GiB"]).estimates
    card, bare = line.devices
    low, high = card.tokens_per_second_range or (0, 0)
    assert low < (card.tokens_per_second or 0) < high
    assert 100 < (card.tokens_per_second or 0) < 200
    assert bare.tokens_per_second is None


@pytest.mark.parametrize(("offloaded", "gigabytes"), [({"n_cpu_moe": 24}, 1.27), ({"n_cpu_moe": 12}, 0.636)])
def test_ram_reads_the_share_of_the_experts_that_lie_there(offloaded: dict[str, int], gigabytes: float) -> None:
    """gpt-oss-20b: 19.1 B parameters of 24 layers' experts in MXFP4, 17 bytes for 32; a token reads 4 of 32."""
    options = {**offloaded, "ram_bandwidth": 80 * GB}
    answer = estimate("gpt-oss-20b", ["mxfp4_moe"], gpus=["rtx4090"], options=options, explain=True)
    (line,) = [line for line in answer.explanation if "tokens a second" in line]
    assert gigabytes == pytest.approx(19_110_297_600 * 17 / 32 / 8 / 1e9 * offloaded["n_cpu_moe"] / 24, rel=0.01)
    told = re.search(r"then \(([\d.]+) GB of weights x [\d.]+\) at 80 GB/s \+ (\d+) matrices", line)
    assert told is not None
    assert float(told[1]) == pytest.approx(gigabytes, rel=0.01)
    assert int(told[2]) == offloaded["n_cpu_moe"]
