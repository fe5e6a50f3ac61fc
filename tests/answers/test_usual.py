"""What a model is estimated in on named devices when nobody names a quant."""

from __future__ import annotations

from typing import Any

import pytest

from llmscale import estimate
from llmscale.answers.estimate import DEFAULT_QUANTS

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


@pytest.mark.parametrize("asked", [{"quant": "fp32"}, {"runtime": "transformers"}, {"quant": "q4_k_m"}])
def test_who_names_a_quant_or_a_runtime_gets_it(asked: dict[str, Any]) -> None:
    answer = estimate("llama-3.1-8b", gpu="h100", **asked)
    assert [line.quant for line in answer.estimates] == ([asked["quant"]] if "quant" in asked else list(DEFAULT_QUANTS))


def test_without_a_device_plain_widths_stay() -> None:
    assert [line.quant for line in estimate("llama-3.1-8b").estimates] == list(DEFAULT_QUANTS)
