"""A whole run: hours, energy, money; what is refused."""

from __future__ import annotations

import json

import pytest

from llmscale.answers.train_compute import reproduce
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
        (
            (
                "--gpu",
                "rtx4090",
            ),
            "--mfu",
        ),
        ((), "--gpu"),
    ],
)
def test_numbers_that_cannot_be_are_refused(more: tuple[str, ...], told: str) -> None:
    done = ask("train", "llama-2-7b", "--tokens", "2T", *more)
    assert done.status == 2
    assert told in done.err
    assert "Traceback" not in done.err
