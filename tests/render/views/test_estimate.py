"""``estimate`` on the screen: every number is that of the JSON, rounded, and each row adds up as it is printed."""

from __future__ import annotations

import re
from itertools import product
from typing import Any

import pytest

from llmscale.units import GIB
from tests.helpers import NUMBER, good, numbers

ASKED = [
    *product(["7B", "llama-2-7b", "deepseek-v3", "8x7B"], ["512", "8k"], ["1", "16"]),
    ("gpt2", "1024", "1"),
    ("llama-3.1-405b", "131,072", "1000"),
    ("seed1.5-thinking", "4096", "1"),
]
#: Rounding of what is printed with two decimals, of three figures together.
ROUNDING = 0.0151


def rows(*asked: str) -> tuple[list[str], list[list[str]]]:
    """The words of the head, and of each row; columns are at least two blanks apart."""
    lines = [line for line in good(*asked, "--quiet", "--width", "300").out.splitlines() if line.strip()]
    rule = next(number for number, line in enumerate(lines) if set(line) == {"─"})
    return lines[:rule], [re.split(r"  +", line.strip()) for line in lines[rule + 1 :]]


def rounded(text: str, value: float) -> bool:
    """Whether `value` is printed as `text`."""
    return numbers(text)[0] == pytest.approx(value, abs=0.501 * 10.0 ** -len(text.partition(".")[2]))


@pytest.mark.parametrize(("model", "context", "batch"), ASKED)
def test_every_number_is_that_of_the_json_rounded(model: str, context: str, batch: str) -> None:
    asked = ["estimate", model, "-c", context, "-b", batch]
    answer = good(*asked, "-o", "json").json()
    head, printed = rows(*asked)
    assert f"{answer['context']:,}" in head[0]
    assert len(printed) == len(answer["estimates"]) == 4 + (model == "deepseek-v3")  # which is published in FP8
    for row, line in zip(printed, answer["estimates"], strict=True):
        line["rest"] = line["compute_bytes"] + line["overhead_bytes"]
        for text, key in zip(row[1:5], ("weights_bytes", "kv_cache_bytes", "rest", "total_bytes"), strict=True):
            ends = line["ranges"].get(key, [])
            found = NUMBER.findall(text)
            expected = {1: [line[key]], 2: ends, 3: [line[key], *ends]}[len(found)]
            assert ends or len(expected) == 1
            assert all(rounded(number, value / GIB) for number, value in zip(found, expected, strict=True)), (key, text)
        smallest = next((one["memory_bytes"] / GIB for one in line["devices"] if one["fits"]), None)
        assert numbers(row[5]) == [smallest or 80.0]
        assert (">" in row[5]) == (smallest is None)


COLUMNS = ("weights", "kv_cache", "other", "used", "free", "usable")


def figures(device: dict[str, Any]) -> dict[str, float]:
    """What a row of a device must show, in bytes."""
    parts: dict[str, int] = {}
    for one in device["per_device"]:
        for kind, size in one["parts"].items():
            parts[kind] = parts.get(kind, 0) + size
    return {
        "weights": parts.get("weights", 0),
        "kv_cache": parts.get("kv_cache", 0),
        "other": parts.get("compute", 0) + parts.get("overhead", 0),
        "used": device["used_bytes"],
        "free": device["free_bytes"],
        "usable": device["usable_bytes"],
    }


@pytest.mark.parametrize(("model", "context", "batch"), ASKED)
def test_the_row_of_a_device_is_that_of_the_json_rounded_and_adds_up(model: str, context: str, batch: str) -> None:
    asked = ["estimate", model, "-c", context, "-b", batch, "-q", "fp16", "-q", "int4", "--gpu", "rtx4090"]
    answer = good(*asked, "-o", "json").json()
    _, printed = rows(*asked)
    assert len(printed) == len(answer["estimates"]) == 2
    for row, line in zip(printed, answer["estimates"], strict=True):
        (device,) = line["devices"]
        _, _, verdict, *cells = row
        assert verdict.startswith("yes") == device["fits"]
        assert (verdict == "~maybe") == (device["may_fit"] and not device["fits"])
        shown = dict(zip(COLUMNS, cells, strict=False))
        shown["used"], *ends = re.split(r" \((.*)-(.*)\)", shown["used"])
        assert bool(ends) == (verdict == "~maybe")
        if ends:
            assert float(ends[0]) <= device["usable_bytes"] / GIB < float(ends[1])
        for key, value in figures(device).items():
            assert rounded(shown[key].lstrip("~-"), abs(value) / GIB), (key, shown[key])
            assert ("-" in shown[key]) == (value < 0 and round(value / GIB, 2) != 0)
        printed_numbers = {key: numbers(text)[0] * (-1 if "-" in text else 1) for key, text in shown.items()}
        assert printed_numbers["used"] + printed_numbers["free"] == pytest.approx(
            printed_numbers["usable"], abs=ROUNDING
        )
        parts = sum(printed_numbers[key] for key in ("weights", "kv_cache", "other"))
        assert parts == pytest.approx(printed_numbers["used"], abs=ROUNDING)
        rest = cells[len(COLUMNS) :]
        for cell, key in zip(rest[:2], ("max_context", "max_batch"), strict=True):
            assert numbers(cell) == ([] if device[key] is None else [device[key]])
        speeds = [device["tokens_per_second"], *(device["tokens_per_second_range"] or ())]
        found = [float(n) * (1000 if k else 1) for field in rest[2:4] for n, k in re.findall(r"([\d.]+)(k?)", field)]
        assert found == pytest.approx([speed for speed in speeds if speed is not None], rel=0.06)


def test_what_lies_in_ram_stands_in_its_own_column() -> None:
    head, printed = rows("estimate", "llama-3.1-8b", "-q", "q4_k_m", "--gpu", "rtx4090", "-ngl", "10")
    (device,) = good("estimate", "llama-3.1-8b", "-q", "q4_k_m", "--gpu", "rtx4090", "-ngl", "10", "-o", "json").json()[
        "estimates"
    ][0]["devices"]
    assert "RAM" in " ".join(head)
    assert "10/33" in printed[0]
    assert any(rounded(cell.lstrip("~"), device["host_bytes"] / GIB) for cell in printed[0][4:] if numbers(cell))
    assert "RAM" not in " ".join(rows("estimate", "llama-3.1-8b", "-q", "fp16", "--gpu", "rtx4090")[0])


def test_inexact_numbers_are_marked_and_exact_ones_are_not() -> None:
    _, printed = rows("estimate", "llama-2-7b", "-q", "int4")
    _, weights, cache, other, total, _ = printed[0]
    assert not weights.startswith("~")
    assert not cache.startswith("~")
    assert other.startswith("~")
    assert total.startswith("~")


def test_a_context_beyond_the_models_own_limit_is_marked_and_told() -> None:
    asked = ("estimate", "llama-13b", "-q", "q4_k_m", "--gpu", "rtx4090", "-c")
    within, beyond = good(*asked, "2048").out, good(*asked, "8192").out
    assert "yes*" in beyond
    assert "* A context of 8,192 is beyond the model's own limit of 2,048 tokens." in beyond
    assert "yes*" not in within
    assert "own limit" not in within


def test_explaining_mentions_the_numbers() -> None:
    text = good("estimate", "llama-2-7b", "-q", "fp16", "--explain").out
    for number in ("6,738,415,616", "13,476,831,232", "2,147,483,648", "536,870,912"):
        assert number in text
    assert "6,738,415,616 parameters" not in good("estimate", "llama-2-7b").out


def test_the_first_line_is_the_answer() -> None:
    yes = good("estimate", "llama-3.1-8b", "--gpu", "rtx4090").out
    assert re.match(r"Yes: Llama 3.1 8B in Q8_0 fits rtx4090: ~[\d.]+ of 23.49 GiB, up to [\d,]+ tokens, ~\d+ ", yes)
    no = good("estimate", "llama-3.1-70b", "--gpu", "rtx4090", "-q", "q4_k_m").out
    assert re.match(r"No: Llama 3.1 70B in Q4_K_M takes ~[\d.]+ GiB, and rtx4090 has 23.49: ~[\d.]+ GiB too much.", no)
    both = good("estimate", "qwen3-32b", "--gpu", "rtx3060", "--gpu", "m3-max:64GB", "--lang", "zh").out.splitlines()
    assert both[0].startswith("不行:")
    assert both[1].startswith("可以:")


@pytest.mark.parametrize(
    ("arguments", "first"),
    [
        (
            ["glm-5.2", "-q", "iq2_m", "--gpu", "rtx3060-12gb", "--ram", "64GB"],
            "GiB to the RAM beside rtx3060-12gb, more",
        ),
        (["qwen3.5-27b", "-q", "bf16", "--runtime", "vllm", "--gpu", "rtx-pro-6000"], "does not run so; see *."),
        (["llama-3.1-70b", "-q", "bf16", "--runtime", "vllm", "--gpu", "h100"], "GiB too much."),
        (
            ["llama-3.1-8b", "-q", "bf16", "--runtime", "vllm", "--gpu", "rtx4090", "-b", "40", "-c", "32k"],
            "others wait.",
        ),
    ],
)
def test_the_first_line_says_what_is_in_the_way(arguments: list[str], first: str) -> None:
    line = good("estimate", *arguments, "--width", "200").out.splitlines()[0]
    assert first in line
    assert "~0.00 GiB too much" not in line


@pytest.mark.parametrize(
    ("asked", "typed"),
    [
        (
            ["qwen3-30b-a3b", "-q", "q4_k_m", "--gpu", "rtx4070"],
            ["llmscale fits rtx4070 qwen3-30b-a3b", "llmscale estimate qwen3-30b-a3b --gpu rtx4070 --ram 16GB"],
        ),
        (
            ["gpt-oss-120b", "--gpu", "2x rtx3060-12gb", "-c", "32k"],
            [
                'llmscale fits "2x rtx3060-12gb" gpt-oss-120b -c 32768',
                'llmscale estimate gpt-oss-120b --gpu "2x rtx3060-12gb" -c 32768 --ram 64GB',
            ],
        ),
        (
            ["llama-3.1-70b", "-q", "bf16", "--runtime", "vllm", "--gpu", "rtx3090"],
            ["llmscale fits rtx3090 llama-3.1-70b"],
        ),
        (
            ["llama-3.1-70b", "-q", "q4_k_m", "--gpu", "rtx3090", "--ram", "4GB"],
            ["llmscale fits rtx3090 llama-3.1-70b"],
        ),
        (["llama-3.1-8b", "-q", "q4_k_m", "--gpu", "rtx3090"], []),
        (["tests/truth/configs/qwen3-14b.json", "-q", "bf16", "--gpu", "rtx3060-12gb"], []),
    ],
)
def test_what_does_not_fit_says_what_to_ask_next(asked: list[str], typed: list[str]) -> None:
    lines = good("estimate", *asked, "--width", "200").out.splitlines()
    assert [line[line.index("llmscale") :] for line in lines if ": " in line and "  llmscale" in line] == typed


def test_the_line_that_names_ram_answers_yes() -> None:
    for model, gpu, ram in (("qwen3-30b-a3b", "rtx4070", "16GB"), ("gpt-oss-120b", "2x rtx3060-12gb", "64GB")):
        assert good("estimate", model, "--gpu", gpu, "--ram", ram).out.startswith("Yes: ")


def test_a_yes_that_needs_ram_says_so_in_its_first_line() -> None:
    said = good("estimate", "llama-3.1-70b", "-q", "q4_k_m", "--gpu", "rtx3090", "--ram", "64GB").out.splitlines()[0]
    assert re.match(r"Yes: Llama 3.1 70B in Q4_K_M fits rtx3090 with ~\d+\.\d\d GiB in RAM: ~", said)
    assert "in RAM" not in good("estimate", "llama-3.1-8b", "-q", "q4_k_m", "--gpu", "rtx3090").out.splitlines()[0]
