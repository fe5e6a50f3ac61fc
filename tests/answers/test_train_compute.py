"""A whole run: hours, energy, money; what is refused."""

from __future__ import annotations

import json

import pytest

from llmscale.answers.train_compute import (
    ComputeAsked,
    compute,
    generations,
    newest_prices,
    reproduce,
    reproduced,
)
from llmscale.answers.train_flops import StepAsked, flops_notes, share_of_full
from llmscale.devices import device as device_catalogue
from llmscale.errors import UsageError
from llmscale.model.inventory import inventory
from llmscale.sources.registry import load
from llmscale.training.efficiency import AskedRun, expected
from llmscale.training.methods import MethodChoice
from llmscale.training.published import prices, runs
from tests.helpers import run as ask


def run(*more: str) -> dict[str, object]:
    done = ask("train", "llama-2-7b", "--tokens", "2T", "-o", "json", *more)
    assert done.status == 0, done.err
    return dict(json.loads(done.out)["compute"])


def test_hours_follow_from_flops_and_the_share_that_was_given() -> None:
    found = run("--gpu", "64x a100-80gb", "--mfu", "0.4", "--price", "2", "--pue", "1")
    hours = 6 * 6738415616 * 2e12 / (312e12 * 0.4 * 3600)
    assert found["device_hours"] == pytest.approx(hours)
    assert found["days"] == pytest.approx(hours / 24 / 64)
    assert found["energy_kwh"] == pytest.approx(hours * 0.4)  # 400 W
    money = found["cost_usd"]
    assert isinstance(money, dict)
    assert money["low"] == money["high"] == pytest.approx(2 * hours)


def test_without_a_share_hours_are_a_range_and_money_is_dated() -> None:
    found = run("--gpu", "64x a100-80gb")
    low, high = found["device_hours_range"]  # type: ignore[misc]
    assert low < 184320 < high  # what Llama 2's makers print
    money = found["cost_usd"]
    assert isinstance(money, dict)
    assert money["low"] < money["high"]
    assert money["date"]


def test_lora_takes_about_two_thirds_of_a_full_run() -> None:
    whole = run("--gpu", "h100")["flops"]
    lora = run("--gpu", "h100", "--method", "lora", "--lora-rank", "8")["flops"]
    assert 0.6 < lora / whole < 0.75  # type: ignore[operator]


def test_published_runs_lie_in_the_range() -> None:
    found = reproduce()
    assert found.held >= 0.9
    assert found.median_error <= 0.16
    assert all(0.99 < each.flops_ratio < 1.03 for each in found.runs if each.flops_ratio and "recomp" not in each.note)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--gpu", "h100", "--mfu", "40"), "0.4"),
        (("--gpu", "h100", "--mfu", "1.2"), "--mfu"),
        (("--gpu", "h100", "--mfu", "nan"), "--mfu"),
        (("--gpu", "h100", "--price", "-1"), "--price"),
        (("--gpu", "h100", "--price", "inf"), "--price"),
        (("--gpu", "h100", "--grid", "nan"), "--grid"),
        (("--gpu", "h100", "--pue", "0.5"), "--pue"),
        (("--gpu", "h100", "--pue", "10.5"), "--pue"),
        (
            (
                "--gpu",
                "rtx4090",
            ),
            "--mfu",
        ),
        (("--gpu", "rtx3090"), "--mfu"),  # of a generation that was measured, in another class
        (("--gpu", "v100"), "--mfu"),  # of the class, in another generation
        ((), "--gpu"),
    ],
)
def test_numbers_that_cannot_be_are_refused(more: tuple[str, ...], told: str) -> None:
    done = ask("train", "llama-2-7b", "--tokens", "2T", *more)
    assert done.status == 2
    assert told in done.err
    assert "Traceback" not in done.err


def test_all_of_it_is_the_arithmetic_of_its_hours() -> None:
    """Mixtral: 12.88 B of its 46.7 B parameters touch a token; a quarter of the FLOPs; 700 W, 400 g a kWh, 2 USD."""
    asked = ComputeAsked(10**12, "16x h100", mfu=0.5, price=2, grid=400, pue=1.5)
    found = compute(load("mixtral-8x7b").known(), asked, lambda: 0.25)
    assert found is not None
    flops = 6 * 12_879_925_248 * 1e12 / 4
    device = device_catalogue.entry("h100")
    assert device.fp16_tflops
    hours = flops / (device.fp16_tflops * 1e12 * 3600 * 0.5)
    assert (found.device, found.count, found.tokens) == ("h100", 16, 10**12)
    assert found.flops == pytest.approx(flops)
    assert (found.mfu, found.mfu_range, found.mfu_from) == (0.5, (0.5, 0.5), "")
    assert (found.device_hours, *found.device_hours_range) == pytest.approx((hours,) * 3)
    assert (found.days, *found.days_range) == pytest.approx((hours / 24 / 16,) * 3)
    kwh = hours * 0.7 * 1.5
    assert found.energy_kwh_range is not None
    assert (found.energy_kwh, *found.energy_kwh_range) == pytest.approx((kwh,) * 3)
    assert found.co2_kg == pytest.approx(kwh * 0.4)
    assert found.cost_usd is not None
    assert (found.cost_usd.low, found.cost_usd.high) == pytest.approx((2 * hours, 2 * hours))


def test_the_more_of_the_rate_is_reached_the_fewer_hours() -> None:
    found = compute(load("llama-2-7b").known(), ComputeAsked(10**12, "64x h100"), lambda: 1.0)
    assert found is not None
    (low, high), (least, most) = found.mfu_range, found.device_hours_range
    assert low < found.mfu < high
    assert least * high == pytest.approx(most * low) == pytest.approx(found.device_hours * found.mfu)
    assert found.days_range == pytest.approx((least / 24 / 64, most / 24 / 64))
    assert found.energy_kwh_range is not None
    assert found.energy_kwh_range == pytest.approx((least * 0.7 * 1.1, most * 0.7 * 1.1))
    assert (found.co2_kg, found.mfu_from != "") == (None, True)
    money, listed = found.cost_usd, newest_prices("h100")
    assert money is not None
    assert money.low == pytest.approx(least * min(each.low for each in listed))
    assert money.high == pytest.approx(most * max(each.high for each in listed))


def test_only_the_lists_of_the_last_year_count() -> None:
    for device in {each.device for each in prices()}:
        found = newest_prices(device)
        years = {each.date[:4] for each in prices() if each.device == device}
        assert {each.date[:4] for each in found} == {max(years)}
    assert newest_prices("rtx3060") == []


def test_published_runs_stand_beside_ours_by_their_own_arithmetic() -> None:
    """6 FLOPs a parameter and token over the hours of the makers is the share that theirs reached."""
    found = {each.model: each for each in reproduced()}
    assert len(found) >= 10
    for run in runs():
        ours = found[run.model]
        assert (ours.flops is None) == (run.tokens is None)
        if run.tokens and run.flops and ours.flops_ratio:
            assert ours.flops_ratio == pytest.approx(run.factor * run.active * run.tokens / run.flops)
        if ours.device_hours and run.tokens and run.device:
            rate = (device_catalogue.entry(run.device).fp16_tflops or 0) * 1e12
            share = 6 * run.active * run.tokens / (ours.device_hours * 3600 * rate)
            assert 0.1 < share < 0.7
            assert ours.device_hours_ratio == pytest.approx(ours.device_hours / (run.device_hours or 0))


def test_without_tokens_nothing_is_said_of_a_run() -> None:
    assert compute(load("llama-2-7b").known(), ComputeAsked(), lambda: 1.0) is None
    assert compute(load("llama-2-7b").known(), ComputeAsked(devices="h100"), lambda: 1.0) is None


def test_money_names_the_days_of_its_lists_from_the_first_to_the_last() -> None:
    several = 0
    for device in sorted({each.date and each.device for each in prices()}):
        listed = newest_prices(device)
        found = compute(load("llama-2-7b").known(), ComputeAsked(10**9, f"8x {device}", mfu=0.4), lambda: 1.0)
        assert found is not None
        assert found.cost_usd is not None
        days = sorted(each.date for each in listed)
        told = days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"
        assert found.cost_usd.date == told, device
        assert (found.cost_usd.price_low, found.cost_usd.price_high) == (
            min(each.low for each in listed),
            max(each.high for each in listed),
        )
        assert all(each.source in found.cost_usd.source for each in listed)
        several += days[0] != days[-1]
    assert several


def test_the_ends_of_what_may_be_said_of_a_run_are_taken_and_what_lies_beyond_is_not() -> None:
    spec = load("gpt2").known()

    def asked(**said: float) -> object:
        whole = {"tokens": 10**9, "devices": "8x h100", "mfu": 0.4} | said
        return compute(spec, ComputeAsked(**whole), lambda: 1.0)  # type: ignore[arg-type]

    for name, ends, beyond in (
        ("tokens", (1, 10**16), (0, 10**16 + 1)),
        ("mfu", (1e-6, 1.0), (0.0, 1.0001)),
        ("price", (1e-6, 1e4), (0.0, 10_000.1, -1.0)),
        ("grid", (1e-6, 1e4), (0.0, 10_000.1, -1.0)),
        ("pue", (1.0, 10.0), (0.99, 10.01)),
    ):
        for value in ends:
            assert asked(**{name: value}) is not None
        for value in beyond:
            with pytest.raises(UsageError, match=f"--{name}"):
                asked(**{name: value})


def test_one_card_is_compared_with_runs_of_any_number() -> None:
    """A share that was reached by thousands together is no measure for one, and the other way round."""
    spec = load("qwen2.5-3b").known()
    active = inventory(spec).active()
    assert expected(AskedRun("Ampere", "bf16", active, False, 2), generations()) != expected(
        AskedRun("Ampere", "bf16", active, False, None), generations()
    )
    for count in (1, 2, 1024):
        found = compute(spec, ComputeAsked(10**12, f"{count}x a100-80gb"), lambda: 1.0)
        assert found is not None
        asked = AskedRun("Ampere", "bf16", active, False, None if count == 1 else count)
        share = expected(asked, generations())
        assert (found.mfu, found.mfu_range) == (share.value, (share.low, share.high)), count


def test_what_a_method_takes_is_a_share_of_full_training_and_all_of_it_where_nobody_counts() -> None:
    spec = load("llama-3.2-1b").known()
    usual = StepAsked()
    assert share_of_full(spec, MethodChoice(), usual) == 1
    assert share_of_full(spec, MethodChoice("ia3"), usual) == 1
    assert 0.6 < share_of_full(spec, MethodChoice("lora", 8), usual) < 0.75
    again = StepAsked(checkpointing="full", attention="eager")
    assert share_of_full(spec, MethodChoice("lora", 8), again) == share_of_full(spec, MethodChoice("lora", 8), usual)


def test_why_flops_are_not_counted_is_said_of_the_method_alone() -> None:
    def told(choice: MethodChoice, model: str = "llama-3.2-1b") -> list[str]:
        return [
            str(dict(one.values).get("what", one.code)) for one in flops_notes(load(model).known(), choice, StepAsked())
        ]

    assert told(MethodChoice()) == told(MethodChoice("lora", 8)) == []
    assert told(MethodChoice("ia3")) == ["ia3"]
    assert told(MethodChoice(), "gemma-3-4b") == ["flops_of_text"]
