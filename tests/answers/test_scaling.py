"""``scaling``: published points, what doubling does, bad input."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmscale.answers.scaling import scaling
from llmscale.answers.scaling_budget import money
from llmscale.answers.train_compute import newest_prices
from llmscale.errors import UsageError
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
from tests.helpers import good, run


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


def lines(n: float, d: float, **more: float) -> dict[str, bool]:
    """Whether each law was fitted on the like of so many parameters and tokens."""
    found = scaling(params=round(n), tokens=round(d), **more)  # type: ignore[arg-type]
    return {line.law: line.in_range for line in found.asked}


@pytest.mark.parametrize(
    ("n", "a_parameter", "inside"),
    [
        *((11e6, 20, True), (10.9e6, 20, False), (6.9e9, 20, True), (6.91e9, 20, False)),
        *((1e9, 640, True), (1e9, 641, False), (1e9, 19.9, False), (1e6, 100, False)),
    ],
)
def test_over_training_was_fitted_on_such_sizes_and_ratios(n: float, a_parameter: float, inside: bool) -> None:
    """arXiv:2403.08540: 11 M to 6.9 B parameters, 20 to 640 tokens each."""
    found = lines(n, n * a_parameter)
    assert {found[key] for key in OVER_TRAINING} == {inside}


@pytest.mark.parametrize(
    ("n", "d", "inside"),
    [
        *((129e6, 16e9, True), (128e6, 16e9, False), (129e6, 15.9e9, False)),
        *((3.7e9, 130e9, True), (3.71e9, 130e9, False), (3.7e9, 131e9, False)),
    ],
)
def test_the_law_of_fine_experts_was_fitted_on_such_sizes(n: float, d: float, inside: bool) -> None:
    assert lines(n, d, granularity=8)["krajewski"] is inside
    assert "krajewski" not in lines(n, d)


def test_kaplans_law_reaches_one_and_a_half_billion() -> None:
    assert lines(1.5e9, 1e11)["kaplan"]
    assert not lines(1.51e9, 1e11)["kaplan"]


def test_serving_takes_two_flops_a_parameter_of_each_token() -> None:
    """6 N D to train and 2 N for each served token, before and after; less size, more tokens, the same loss."""
    n, d, served = 7 * 10**9, 2 * 10**12, 10**13
    found = scaling(params=n, tokens=d, serve_tokens=served).serving
    assert found is not None
    after = 6 * found.parameters * found.tokens + 2 * found.parameters * served
    before = 6 * n * d + 2 * n * served
    assert found.served_tokens == served
    assert found.flops == pytest.approx(after, rel=1e-6)
    assert found.saved_percent == pytest.approx(100 * (before - after) / before, rel=1e-4)
    assert 0 < found.saved_percent < 100
    assert found.parameters < n
    assert found.tokens > d
    law = LAWS["besiroglu"]
    assert law.loss(found.parameters, found.tokens) == pytest.approx(law.loss(n, d), rel=1e-6)
    assert scaling(params=n, tokens=d).serving is None


def test_a_line_says_its_own_arithmetic() -> None:
    n, d = 7 * 10**9, 2 * 10**12
    found = scaling(params=n, tokens=d)
    assert (found.name, found.effective_tokens) == ("7,000,000,000", d)
    for line in found.asked:
        assert (line.parameters, line.tokens) == (n, d)
        assert line.tokens_per_parameter == pytest.approx(2000 / 7)
        assert line.flops == pytest.approx(8.4e22)
    for line in found.optimal:
        if line.law in LAWS:
            assert line.flops == pytest.approx(8.4e22)
    now = LAWS["besiroglu"].loss(n, d)
    assert {line.law: line.loss for line in found.asked}["besiroglu"] == pytest.approx(now)
    assert [(change.parameters, change.tokens) for change in found.changes] == [(2 * n, d), (n, 2 * d), (2 * n, 2 * d)]
    assert [change.flops for change in found.changes] == pytest.approx([1.68e23, 1.68e23, 3.36e23])
    for change in found.changes:
        left = now - LAWS["besiroglu"].e
        assert change.reducible_percent == pytest.approx(100 * (now - change.loss) / left)


def test_tokens_that_are_seen_again_count_less_in_every_loss() -> None:
    n, d, unique = 7 * 10**9, 10**12, 10**10
    found = scaling(params=n, tokens=d, unique_tokens=unique)
    worth = effective_tokens(float(d), float(unique))
    assert found.effective_tokens == round(worth) < d
    assert found.asked[0].loss == pytest.approx(LAWS[found.asked[0].law].loss(n, worth))
    assert found.asked[0].tokens == d
    assert found.changes[0].tokens == round(worth)
    assert [note.code for note in found.notes] == ["laws_not_comparable", "no_law_of_tuning"]
    assert [note.code for note in scaling(params=n, tokens=d).notes] == ["laws_not_comparable"]


def test_money_buys_hours_and_hours_flops() -> None:
    """1,000 USD at 2 USD an hour are 500 hours; an H100 has 989.4 TFLOPS dense in 16 bits, of which a share is had."""
    found = scaling(budget=1000, device="h100", price=2).budget
    assert found is not None
    low, high = found.mfu_range
    rate = 989.4e12
    assert (found.usd, found.device, found.date, found.price_range) == (1000, "h100", "--price", (2, 2))
    assert found.flops_range == pytest.approx((500 * 3600 * rate * low, 500 * 3600 * rate * high), rel=1e-5)
    assert low < found.flops / (500 * 3600 * rate) < high
    assert scaling(budget=1000, device="h100", price=2).asked[0].flops == pytest.approx(found.flops)


def test_where_lists_differ_money_buys_a_range() -> None:
    found = scaling(budget=1000, device="h100").budget
    assert found is not None
    least, most = found.price_range
    low, high = found.mfu_range
    lists = newest_prices("h100")
    assert all(least <= each.low <= each.high <= most for each in lists)
    assert least < most
    assert found.flops_range[1] / found.flops_range[0] == pytest.approx(most * high / least / low)
    assert found.flops_range[0] < found.flops < found.flops_range[1]
    assert found.date[:2] == "20"


@pytest.mark.parametrize(
    ("text", "usd"), [("$1M", 1e6), ("250k", 250e3), ("1,000", 1000), ("2.5B USD", 2.5e9), ("USD 7", 7), (" 3 ", 3)]
)
def test_sums_of_money(text: str, usd: float) -> None:
    assert money(text) == usd


@pytest.mark.parametrize("text", ["", "M", "-1", "1T", "1e6", "$", "1" + "0" * 39 + "k"])
def test_what_is_no_sum_of_money(text: str) -> None:
    with pytest.raises(UsageError, match="is no sum of money"):
        money(text)


@pytest.mark.parametrize(
    "more",
    [
        *({"params": 10**9}, {"tokens": 10**9}, {"flops": 1e21}, {"model": "llama-2-7b"}),
    ],
)
def test_a_sum_of_money_stands_alone(more: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="--budget says the compute"):
        scaling(budget=1e6, device="h100", **more)  # type: ignore[arg-type]
    if "flops" not in more:
        with pytest.raises(UsageError, match="--flops says both"):
            scaling(**{"flops": 1e21, **more})  # type: ignore[arg-type]


def test_either_a_model_or_a_size() -> None:
    with pytest.raises(UsageError, match="One of MODEL"):
        scaling("llama-2-7b", params=10**9)
    assert scaling("llama-2-7b", tokens=2 * 10**12).asked[0].parameters == 6_738_415_616
    assert scaling(catalogue_models=True).asked[0].flops == pytest.approx(5.76e23)
    assert len(scaling(catalogue_models=True).trained) > 50
    assert scaling("llama-2-7b", catalogue_models=True).name == "llama-2-7b"


def test_how_long_a_model_was_trained_is_held_against_the_optimum() -> None:
    """Llama 2 7B: 2 T tokens of 6.738 B parameters."""
    (found,) = scaling("llama-2-7b").trained
    assert (found.id, found.parameters, found.tokens) == ("llama-2-7b", 6_738_415_616, 2 * 10**12)
    assert found.tokens_per_parameter == pytest.approx(2e12 / 6_738_415_616)
    assert found.over_training == pytest.approx(2e12 / LAWS["besiroglu"].tokens_for(6_738_415_616))
    assert scaling(params=10**9).trained == ()


def test_no_cell_marks_a_figure_that_is_not_there() -> None:
    out = good("scaling", "llama-3.1-8b").out
    assert "~-" not in out
    assert "Chinchilla 1            ~8.03 B" in out


def test_what_is_the_best_share_already_is_said_once() -> None:
    first = good("scaling", "llama-3.1-8b", "--width", "200").out.splitlines()[0]
    assert first == "llama-3.1-8b, 8.03 B: the best share of compute is 164.5 B tokens, loss 2.155 by Refit of 2024."
    asked = good("scaling", "llama-3.1-8b", "--tokens", "15T", "--width", "200").out
    assert "the best share of that compute is" in asked.splitlines()[0]
    assert "1,868" in asked
    chinese = good("scaling", "llama-3.1-8b", "--lang", "zh", "--width", "200").out.splitlines()[0]
    assert chinese == "llama-3.1-8b,80.30 亿参数:算力的最佳分配是训练 1,645.5 亿词元,按2024 年重拟合损失为 2.155。"
