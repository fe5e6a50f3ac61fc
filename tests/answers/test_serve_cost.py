"""Money of a million tokens: the arithmetic, what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import good, run

ASKED = ("serve-cost", "llama-3-8b", "-q", "q4_k_m", "--gpu", "rtx4090")


def costs(*more: str) -> dict[str, Any]:
    answer = run(*ASKED, *more, "-o", "json")
    assert answer.status == 0, answer.err
    return dict(answer.json())


def test_a_rented_hour_is_spread_over_its_tokens() -> None:
    found = costs("--price", "0.5")
    (rented,) = found["costs"]
    low, high = found["tokens_per_second_range"]
    assert rented["output"] == pytest.approx([0.5 / high / 3600 * 1e6, 0.5 / low / 3600 * 1e6])
    assert rented["input"][0] < rented["output"][0]  # a prompt is read faster than an answer is written


def test_ones_own_device_is_paid_off_and_fed() -> None:
    found = costs("--price", "0.5", "--kwh", "0.3", "--purchase", "1600", "--years", "2", "--watts", "400")
    own = found["costs"][1]
    assert own["usd_per_hour"][0] == pytest.approx(1600 / 2 / 8766 + 0.4 * 0.3)
    assert found["energy_kwh_per_million"] == pytest.approx(0.4 * 1e6 / found["tokens_per_second"] / 3600)


def test_at_the_break_even_both_cost_the_same_a_day() -> None:
    found = costs("--kwh", "0.3", "--purchase", "1600", "--years", "2", "--api-price", "0.5")
    tokens = found["break_even_api"] / 1e6
    own = 1600 / 2 / 365.25 + tokens * found["energy_kwh_per_million"] * 0.3
    assert own == pytest.approx(tokens * 0.5)


def test_an_api_cheaper_than_the_electricity_is_never_beaten() -> None:
    assert costs("--kwh", "0.3", "--api-price", "0.0001")["break_even_api"] is None


def test_half_the_hours_idle_doubles_what_a_token_costs() -> None:
    whole, half = (costs("--price", "1", "--utilisation", each)["costs"][0]["output"] for each in ("1", "0.5"))
    assert half == pytest.approx([2 * each for each in whole])


def test_prices_of_lists_are_dated() -> None:
    (rented,) = costs()["costs"]
    assert rented["date"]
    assert rented["usd_per_hour"][0] < rented["usd_per_hour"][1]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--price", "nan"), "--price"),
        (("--price", "-1"), "--price"),
        (("--kwh", "inf"), "--kwh"),
        (("--years", "0"), "--years"),
        (("--utilisation", "1.5"), "--utilisation"),
        (("--utilisation", "1e-308"), "from one in a year"),
        (("--sequences", "100000"), "do not fit"),
    ],
)
def test_numbers_that_cannot_be_are_refused(more: tuple[str, ...], said: str) -> None:
    answer = run(*ASKED, *more)
    assert (answer.status, answer.out) == (2, "")
    assert said in answer.err


def test_a_model_that_does_not_fit_has_no_price() -> None:
    answer = run("serve-cost", "llama-3-70b", "--gpu", "rtx4090")
    assert (answer.status, answer.out) == (2, "")
    assert "does not fit" in answer.err


@pytest.mark.parametrize("device", ["h100", "rtx4090"])
def test_it_serves_in_what_estimate_takes_first(device: str) -> None:
    first = good("estimate", "llama-3-8b", "--gpu", device, "-o", "json").json()["estimates"][0]
    found = good("serve-cost", "llama-3-8b", "--gpu", device, "-o", "json").json()
    assert (found["quant"], found["runtime"]) == (first["quant"], first["runtime"])
