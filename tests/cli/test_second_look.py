"""Sentences under an answer that were wrong for what was asked, each through the command line."""

from __future__ import annotations

import pytest

from tests.helpers import run


def test_ways_that_make_a_step_smaller_are_not_said_to_add_up_where_one_stands_alone() -> None:
    answer = run("train", "llama-3.1-8b", "--method", "qlora", "--gpu", "rtx4090")
    assert "What makes it smaller\n" in answer.out
    rows = [line for line in answer.out.splitlines() if line.startswith("--seq")]
    assert len(rows) == 1
    assert "--checkpointing" not in rows[0]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("llama-3.1-8b", "--method", "lora", "--objective", "ppo"), "--objective ppo(另有一个也要训练的模型) 的"),
        (("llama-3.1-8b", "--checkpointing", "selective"), "--checkpointing selective(对此模型或方法) 的"),
        (
            ("whisper-small", "--precision", "bf16", "--checkpointing", "every:2"),
            "--checkpointing every:2(编码器与解码器两组层) 的",
        ),
        (("llama-3.1-8b", "--precision", "amp", "--loss", "liger"), "--loss liger(autocast 下) 的"),
        (("mamba-2.8b",), "模型类型 'mamba' 的"),
    ],
)
def test_what_was_never_followed_is_told_in_chinese(options: tuple[str, ...], told: str) -> None:
    answer = run("train", *options, "--lang", "zh", "--width", "200")
    assert f"{told}激活与峰值尚未建模" in answer.out


MTP = ("--runtime", "llama.cpp", "--spec-type", "draft-mtp")
SERVED = ("--runtime", "vllm", "--speculative-config", '{"method": "mtp", "num_speculative_tokens": 1}')


@pytest.mark.parametrize(
    ("question", "options"),
    [
        (("estimate", "qwen3.6-27b", "--gpu", "rtx5090"), MTP),
        (("fits", "rtx5090", "qwen3.6-27b"), MTP),
        (("needs", "qwen3.6-27b"), MTP),
        (("estimate", "deepseek-v3", "--gpu", "8xh200"), SERVED),
    ],
)
def test_a_layer_that_speculation_counts_is_not_said_to_be_left_out(
    question: tuple[str, ...], options: tuple[str, ...]
) -> None:
    told = "multi-token-prediction layer(s), which are not counted"
    assert told in run(*question, *options[:2], "--width", "250").out
    answer = run(*question, *options, "--width", "250")
    assert answer.status == 0
    assert told not in answer.out


@pytest.mark.parametrize("options", [(), ("--runtime", "vllm"), ("-q", "q4_k_m"), ("--runtime", "ollama")])
def test_what_ollama_ships_is_not_said_to_be_what_another_runtime_or_quant_is(options: tuple[str, ...]) -> None:
    out = run("estimate", "smollm2:1.7b", *options, "--width", "250").out
    assert "'smollm2:1.7b' is taken as smollm2-1.7b; Ollama's library has it in q8_0 under that name." in out
    chinese = run("estimate", "smollm2:1.7b", *options, "--width", "250", "--lang", "zh").out
    assert "'smollm2:1.7b' 视为 smollm2-1.7b;Ollama 库中此名称的量化为 q8_0。" in chinese


def test_a_runtime_that_has_no_quant_of_a_model_is_named() -> None:
    asked = ("deepseek-v4-flash", "--runtime", "llama.cpp")
    for command in (("needs",), ("fits", "rtx4090")):
        answer = run(*command, *asked)
        assert "cannot be had in any quant of llama.cpp." in answer.err
        assert "Leave --runtime away" in answer.err
        assert "没有 llama.cpp 的量化" in run(*command, *asked, "--lang", "zh").err


def test_params_says_in_its_first_line_how_many_there_are() -> None:
    first = {model: run("params", model).out.splitlines()[0] for model in ("llama-3.1-8b", "deepseek-v3", "7B")}
    assert first == {
        "llama-3.1-8b": "Llama 3.1 8B: 8.03 B parameters (exact).",
        "deepseek-v3": "DeepSeek-V3: 671.0 B parameters, 37.55 B of them active for a token (exact).",
        "7B": "7B: 7.00 B parameters (its shape is assumed).",
    }
    chinese = run("params", "deepseek-v3", "--lang", "zh").out
    assert chinese.splitlines()[0] == "DeepSeek-V3:6,710.3 亿参数,每个词元激活 375.5 亿(精确)。"
    assert "active" not in chinese


def test_an_empty_name_is_no_defect() -> None:
    answer = run("scaling", "")
    assert (answer.status, "No model is named." in answer.err) == (2, True)


@pytest.mark.parametrize(("model", "first"), [("kimi-k2.5", "w4a16-g32-experts"), ("llama-3.1-8b", "bf16")])
def test_formats_in_use_begin_with_what_a_model_is_published_in(model: str, first: str) -> None:
    assert run("quants", "--model", model, "-o", "json").json()["quants"][0]["id"] == first


def test_a_ladder_with_a_long_name_stays_within_the_screen() -> None:
    screen = run("fits", "8xh200", "kimi-k2.5", "--width", "60").out
    assert max(map(len, screen.splitlines())) <= 60
    assert "Left GiB" in screen.replace("\n", " ")
