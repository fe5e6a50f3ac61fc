"""Money of a million tokens: the arithmetic, what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from llmscale.answers.estimate import estimate
from llmscale.answers.serve_cost import Money, serve_cost
from llmscale.devices import device as device_catalogue
from llmscale.errors import UsageError
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


def test_one_pays_for_every_device_and_every_idle_hour() -> None:
    """Two cards, half of the hours, three years: the rent, the price at launch, and the electricity of both."""
    one = device_catalogue.entry("rtx4090")
    assert one.price_usd
    assert one.power_w
    found = serve_cost("llama-3-8b", "2x rtx4090", "q4_k_m", money=Money(price=0.5, kwh=0.3, busy=0.5))
    rented, own = found.costs
    assert (rented.usd_per_hour, rented.source, rented.date) == ((2.0, 2.0), "--price", "")
    hourly = 2 * (one.price_usd / 3 / 8766 / 0.5 + one.power_w / 1000 * 0.3)
    assert own.usd_per_hour == pytest.approx((hourly, hourly))
    assert found.energy_kwh_per_million == pytest.approx(2 * one.power_w / 1000 * 1e6 / found.tokens_per_second / 3600)
    assert (found.device, found.count) == ("rtx4090", 2)
    low, high = found.tokens_per_second_range
    assert own.output == pytest.approx((hourly / high / 3600 * 1e6, hourly / low / 3600 * 1e6))
    assert one.name.lower().endswith("4090")


def test_from_so_many_tokens_a_day_on_one_s_own_device_is_cheaper_than_a_rented_one() -> None:
    found = serve_cost("llama-3-8b", "2x rtx4090", "q4_k_m", money=Money(price=0.5, purchase=1000, kwh=0.1, years=2))
    (rented, _), energy = found.costs, found.energy_kwh_per_million
    assert energy is not None
    million = (rented.output[0] * rented.output[1]) ** 0.5
    assert found.break_even_rent is not None
    tokens = found.break_even_rent / 1e6
    assert 2 * 1000 / 2 / 365.25 + tokens * energy * 0.1 == pytest.approx(tokens * million, rel=1e-4)
    assert found.break_even_rent <= found.tokens_per_second * 86400
    assert found.break_even_api is None


def test_what_it_cannot_make_in_a_day_is_no_break_even() -> None:
    dear = serve_cost("llama-3-8b", "rtx4090", "q4_k_m", money=Money(price=0.5, purchase=10**8, kwh=0.1))
    assert dear.break_even_rent is None
    nothing = serve_cost("llama-3-8b", "rtx4090", "q4_k_m", money=Money(price=0.5))
    assert (nothing.break_even_rent, nothing.break_even_api) == (None, None)
    assert [cost.way for cost in nothing.costs] == ["rented"]


def test_a_prompt_is_read_as_fast_as_one_sequence_has_its_first_token() -> None:
    found = serve_cost("llama-3-8b", "rtx4090", "q4_k_m", context=2048, money=Money(price=0.36))
    alone = estimate("llama-3-8b", ["q4_k_m"], context=2048, gpus=["rtx4090"]).estimates[0].devices[0]
    assert alone.first_token_seconds
    dollar = 0.36 / 3600 * 1e6 / (2048 / alone.first_token_seconds)
    assert found.costs[0].input == pytest.approx((dollar, dollar))


def test_as_many_are_served_at_once_as_fit_up_to_sixty_four() -> None:
    one = serve_cost("llama-3-8b", "rtx4090", "q4_k_m", context=32768, money=Money(price=1))
    assert one.sequences == one.fits_sequences < 64
    many = serve_cost("llama-3-8b", "h100", "q4_k_m", context=512, money=Money(price=1))
    assert many.sequences == 64 < many.fits_sequences
    most = one.fits_sequences
    asked = serve_cost("llama-3-8b", "rtx4090", "q4_k_m", context=32768, sequences=most, money=Money(price=1))
    assert asked.sequences == most
    with pytest.raises(UsageError, match=f"{most + 1:,} sequences of 32,768 tokens do not fit rtx4090: {most:,} do"):
        serve_cost("llama-3-8b", "rtx4090", "q4_k_m", context=32768, sequences=most + 1)


def test_nobody_serves_in_fp32_unless_it_is_named() -> None:
    assert serve_cost("qwen3-0.6b", "h100", runtime="transformers", money=Money(price=1)).quant != "fp32"
    assert serve_cost("qwen3-0.6b", "h100", "fp32", money=Money(price=1)).quant == "fp32"


def test_without_a_price_a_speed_or_power_that_is_said() -> None:
    with pytest.raises(UsageError, match="No list of prices here names rtx3060"):
        serve_cost("llama-3-8b", "rtx3060", "q4_k_m")
    with pytest.raises(UsageError, match="How fast 24GiB serves Meta Llama 3 8B is not known"):
        serve_cost("llama-3-8b", "24GiB", "q4_k_m", money=Money(price=1))
    watts = [serve_cost("llama-3-8b", "rtx4090", "q4_k_m", money=Money(price=1, watts=w)) for w in (100, 200)]
    halved = [found.energy_kwh_per_million for found in watts]
    assert halved[1] == pytest.approx(2 * (halved[0] or 0))
