"""What a model is estimated in on named devices when nobody names a quant."""

from __future__ import annotations

import pytest

from llmscale import estimate
from llmscale.answers.estimate import DEFAULT_QUANTS
from tests.helpers import good

LADDER = ["q8_0", "q6_k", "q5_k_m", "q4_k_m", "iq4_xs", "q3_k_m"]


@pytest.mark.parametrize(
    ("model", "gpu", "quants", "runtime"),
    [
        ("llama-3.1-8b", "rtx4090", LADDER, "llama.cpp"),
        ("llama-3.1-8b", "m3-max:64GB", LADDER, "llama.cpp"),
        ("llama-3.1-8b", "24GB", LADDER, "llama.cpp"),
        ("llama-3.1-8b", "h100 + rtx4090", LADDER, "llama.cpp"),
        ("qwen3-32b", "2x l40s", ["bf16", "fp8", "awq"], "vllm"),
        ("gpt-oss-20b", "rtx4090", ["mxfp4_moe"], "llama.cpp"),
        ("vit-base", "rtx4090", list(DEFAULT_QUANTS), "transformers"),
        ("vit-base", "h100", list(DEFAULT_QUANTS), "transformers"),
    ],
)
def test_it_is_what_people_run_there(model: str, gpu: str, quants: list[str], runtime: str) -> None:
    answer = estimate(model, gpu=gpu)
    assert [line.quant for line in answer.estimates] == quants
    assert {line.runtime for line in answer.estimates} == {runtime}
    assert not any(told.code == "not_available_in" for told in answer.notes)


@pytest.mark.parametrize("asked", ["fp32", "q4_k_m"])
def test_who_names_a_quant_gets_it(asked: str) -> None:
    answer = estimate("llama-3.1-8b", gpu="h100", quant=asked)
    assert [line.quant for line in answer.estimates] == [asked]


@pytest.mark.parametrize("gpu", [(), ("h100",)])
@pytest.mark.parametrize(
    ("model", "runtime", "quants"),
    [
        ("llama-3.1-8b", "transformers", ["fp16", "bnb-int8", "nf4"]),
        ("llama-3.1-8b", "vllm", ["bf16", "fp8", "awq"]),
        ("llama-3.1-8b", "vllm@0.20", ["bf16", "fp8", "awq"]),
        ("llama-3.1-8b", "llama.cpp", LADDER),
        ("gpt-oss-20b", "vllm", ["mxfp4"]),
        ("gpt-oss-120b", "sglang", ["mxfp4"]),
        ("gpt-oss-120b", "transformers", ["mxfp4"]),
        ("gpt-oss-20b", "ollama", ["mxfp4_moe"]),
        ("minimax-m2", "vllm", ["fp8-block", "awq"]),
        ("deepseek-v3", "sglang", ["fp8-block", "awq"]),
        ("kimi-k2.5", "vllm", ["w4a16-g32-experts"]),
    ],
)
def test_who_names_a_runtime_gets_what_is_published_for_it(
    model: str, runtime: str, quants: list[str], gpu: tuple[str, ...]
) -> None:
    """The format that a checkpoint is published in first, and no width that nobody publishes."""
    answer = estimate(model, gpu=gpu, runtime=runtime)
    assert [line.quant for line in answer.estimates] == quants
    assert {line.runtime for line in answer.estimates} == {runtime.partition("@")[0]}


def test_without_a_device_plain_widths_stay() -> None:
    assert [line.quant for line in estimate("llama-3.1-8b").estimates] == list(DEFAULT_QUANTS)


@pytest.mark.parametrize(
    ("model", "first"),
    [("kimi-k2.5", "w4a16-g32-experts"), ("gpt-oss-20b", "mxfp4_moe"), ("deepseek-v4-flash", "fp8-fp4-experts")],
)
def test_without_a_device_what_is_published_quantised_comes_first(model: str, first: str) -> None:
    answer = estimate(model)
    assert [line.quant for line in answer.estimates] == [first, *DEFAULT_QUANTS]
    assert [told.values["quant"] for told in answer.notes if told.code == "as_published"] == [first]
    assert f"is published in {first.upper()}" in good("estimate", model, "--width", "200").out
    assert f"按 {first.upper()} 发布" in good("estimate", model, "--width", "200", "--lang", "zh").out
