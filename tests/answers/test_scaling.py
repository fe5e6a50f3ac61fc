"""``scaling``: published points, what doubling does, bad input."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmscale.answers.scaling import scaling
from llmscale.training.allocation import (
    OVER_TRAINING,
    TABLE_3,
    deepseek,
    experts_loss,
    kaplan,
    turning_point,
    with_serving,
)
from llmscale.training.scaling import LAWS, effective_tokens
from tests.helpers import run


def test_tokens_a_parameter_at_chinchillas_compute() -> None:
    """arXiv:2404.10102: the printed coefficients contradict the paper's own 20; the refit does not."""
    found = {line.law: line.tokens_per_parameter for line in scaling(flops=5.76e23).optimal}
    assert found["chinchilla-3"] == pytest.approx(92.6, abs=0.05)
    assert found["besiroglu"] == pytest.approx(18.4, abs=0.05)


@given(st.sampled_from(list(LAWS)), st.floats(1e18, 1e27), st.floats(0.5, 2))
def test_no_other_share_of_the_compute_loses_less(law: str, flops: float, factor: float) -> None:
    chosen = LAWS[law]
    n, d = chosen.optimum(flops)
    assert 6 * n * d == pytest.approx(flops)
    assert chosen.loss(n, d) <= chosen.loss(n * factor, d / factor) + 1e-12
    assert chosen.tokens_for(n) == pytest.approx(d)


def test_repeated_tokens_are_worth_less_and_in_the_end_nothing() -> None:
    """arXiv:2305.16264: four epochs are nearly as good as fresh; past forty nothing is gained."""
    assert effective_tokens(5e8, 1e9) == 5e8
    assert effective_tokens(4e9, 1e9) / 4e9 == pytest.approx(0.9314, abs=1e-4)
    assert effective_tokens(1e12, 1e9) == pytest.approx(16.387756e9)


def test_doubling_both_brings_more_than_either() -> None:
    parameters, tokens, both = scaling(params=7 * 10**9, tokens=2 * 10**12).changes
    assert both.loss < min(parameters.loss, tokens.loss)
    assert both.flops == 2 * parameters.flops == 2 * tokens.flops


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "MODEL, --params and --flops"),
        (["--flops", "1e24", "--tokens", "2T"], "--flops says both"),
        (["--flops", "inf"], "'inf'"),
        (["--flops", "nan"], "'nan'"),
        (["--flops", "1e400"], "'1e400'"),
        (["mixtral-8x7b"], "mixture of experts"),
        (["--params", "x"], "--params"),
    ],
)
def test_what_cannot_be_meant_is_one_message(arguments: list[str], said: str) -> None:
    answer = run("scaling", *arguments)
    assert (answer.status, answer.out) == (2, "")
    assert said in answer.err


@pytest.mark.parametrize(("n", "c", "d"), TABLE_3)
def test_approach_1_gives_the_papers_table(n: float, c: float, d: float) -> None:
    found = next(line for line in scaling(flops=c).optimal if line.law == "chinchilla-1")
    assert found.parameters == pytest.approx(n, rel=0.02)
    assert found.tokens == pytest.approx(d, rel=0.02)


def test_each_law_gives_its_papers_own_point() -> None:
    """Llama 3's 402 B and 16.55 T; Kaplan at one PF-day; DeepSeek's M D = C."""
    llama = next(line for line in scaling(flops=3.8e25).optimal if line.law == "llama-3")
    assert (llama.parameters, llama.tokens) == (402_000_000_000, 16_550_000_000_000)
    assert kaplan(8.64e19) == pytest.approx((1.3e9, 2e10))
    n, d = deepseek(1e20)
    assert 6 * n * d == pytest.approx(1e20, rel=0.01)


def test_over_training_is_only_asked_and_never_an_optimum() -> None:
    found = scaling(params=10**9, tokens=10**11)
    assert set(OVER_TRAINING) <= {line.law for line in found.asked if line.in_range}
    assert not set(OVER_TRAINING) & {line.law for line in found.optimal}


@given(st.floats(1e8, 1e11), st.floats(1e9, 1e14))
def test_serving_pays_for_a_smaller_model_trained_longer(n: float, served: float) -> None:
    law = LAWS["besiroglu"]
    d = law.tokens_for(n)
    size, tokens = with_serving(law, n, d, served)
    assert size <= n * 1.001
    assert law.loss(size, tokens) == pytest.approx(law.loss(n, d))
    assert 6 * size * tokens + 2 * size * served <= (6 * n * d + 2 * n * served) * (1 + 1e-9)


def test_past_the_turning_point_a_hundredth_costs_more_than_all_before() -> None:
    law, point = LAWS["besiroglu"], turning_point(LAWS["besiroglu"])
    assert law.loss(*law.optimum(point)) - law.loss(*law.optimum(2 * point)) == pytest.approx(0.01)


def test_finer_experts_lose_less() -> None:
    assert experts_loss(1e9, 1e11, 8) < experts_loss(1e9, 1e11, 1)


def test_llama_2_was_trained_past_its_optimum() -> None:
    line = next(line for line in scaling(params=10**9, catalogue_models=True).trained if line.id == "llama-2-7b")
    assert line.tokens_per_parameter == pytest.approx(2e12 / 6738415616)
    assert line.over_training > 5


def test_money_buys_a_range_of_compute() -> None:
    found = run("scaling", "--budget", "$1M", "--gpu", "h100", "--price", "2", "-o", "json").json()["budget"]
    assert found["flops_range"][0] < found["flops"] < found["flops_range"][1]
    assert found["flops"] < 1e6 / 2 * 3600 * 989.4e12  # no device exceeds its rate


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--budget", "$1M"], "--gpu"),
        (["--budget", "much", "--gpu", "h100"], "--budget"),
        (["--budget", "$0", "--gpu", "h100"], "--budget"),
        (["--budget", "1e400", "--gpu", "h100"], "--budget"),
        (["--budget", "$1M", "--gpu", "rtx4090"], "rtx4090"),
        (["--budget", "$1M", "--gpu", "h100", "--flops", "1e24"], "--budget"),
        (["--budget", "$1M", "--gpu", "h100", "--price", "nan"], "--price"),
        (["--params", "7B", "--granularity", "0"], "--granularity"),
    ],
)
def test_money_and_experts_that_cannot_be_meant(arguments: list[str], said: str) -> None:
    answer = run("scaling", *arguments)
    assert (answer.status, answer.out) == (2, "")
    assert said in answer.err
