"""Active parameters against the figures that publishers print, with and without the input embedding."""

from __future__ import annotations

import pytest

from llmscale import params

#: model -> active parameters in billions as printed, and where
PUBLISHED = {
    "mixtral-8x7b": (12.9, "arXiv:2401.04088"),
    "deepseek-v2": (21, "arXiv:2405.04434"),
    "deepseek-v3": (37, "arXiv:2412.19437"),
    "kimi-k2": (32, "arXiv:2507.20534"),
    "qwen3-30b-a3b": (3.3, "arXiv:2505.09388"),
    "qwen3-235b-a22b": (22, "arXiv:2505.09388"),
    "gpt-oss-20b": (3.61, "arXiv:2508.10925"),
    "gpt-oss-120b": (5.13, "arXiv:2508.10925"),
    "ernie-4.5-300b-a47b": (47, "huggingface.co/collections/baidu/ernie-45"),
    "glm-4.5": (32, "arXiv:2508.06471"),
}
#: GLM-4.5 counts 32 B without embedding and head, which neither of our two figures is.
WITHIN = {"glm-4.5": 0.03}


@pytest.mark.parametrize("model", PUBLISHED)
def test_one_of_the_two_counts_is_the_published_figure(model: str) -> None:
    printed = PUBLISHED[model][0] * 1e9
    counted = params(model).parameters
    assert counted is not None
    nearest = min((counted.active, counted.active_without_input_embedding), key=lambda count: abs(count - printed))
    assert nearest == pytest.approx(printed, rel=WITHIN.get(model, 0.017))


def test_what_is_idle_is_the_experts_that_were_not_chosen() -> None:
    counted = params("mixtral-8x7b").parameters
    assert counted is not None
    assert counted.total - counted.active == counted.components["experts"] * 6 // 8
    assert counted.active - counted.active_without_input_embedding == 32_000 * 4096


def test_a_table_tied_to_the_head_is_multiplied_with_and_stays_active() -> None:
    counted = params("qwen3-0.6b").parameters
    assert counted is not None
    assert counted.active == counted.active_without_input_embedding == counted.total
