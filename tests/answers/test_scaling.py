"""``scaling``: published points, what doubling does, bad input."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmscale.answers.scaling import scaling
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
