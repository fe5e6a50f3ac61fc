"""Checkpoints of some layers or of some results, and losses by parts: what they say, and where they are not known."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import run

LLAMA = ("train", "llama-3-8b", "--precision", "bf16", "--seq", "2048")


def asked(*options: str) -> Any:
    return run(*LLAMA, *options, "-o", "json").json()


def kept(*options: str) -> int:
    return int(asked(*options)["memory"]["activations_bytes"])


def test_the_fewer_layers_are_run_again_the_more_is_kept() -> None:
    some = [kept("--checkpointing", way) for way in ("full", "every:1", "selective", "every:2", "every:3", "none")]
    assert some[0] == some[1] < some[2] < some[3] < some[4] < some[5]


def test_flops_of_every_second_layer_are_half_of_those_of_all() -> None:
    full, half = (asked("--checkpointing", way)["flops"] for way in ("full", "every:2"))
    assert half["recompute"] * 2 == full["recompute"]
    assert half["forward"] == full["forward"]
    selective = asked("--checkpointing", "selective")
    assert selective["flops"]["backward"] is None
    assert any("--checkpointing selective" in told for told in selective["warnings"])


def test_losses_without_whole_logits_in_fp32_take_less_and_do_not_tell_of_them() -> None:
    lora = ("--seq", "16384", "--method", "lora", "--checkpointing", "full")
    found = {way: asked(*lora, "--loss", way) for way in LOSSES}
    total = {way: each["memory"]["total_bytes"] for way, each in found.items()}
    assert total["cut"] <= total["liger"] < total["chunked"] < total["logits"]
    told = {way: any("Logits of 16,384" in line for line in each["warnings"]) for way, each in found.items()}
    assert told == {"logits": True, "chunked": False, "liger": False, "cut": False}


LOSSES = ("logits", "chunked", "liger", "cut")


@pytest.mark.parametrize("loss", LOSSES[1:])
def test_a_loss_by_parts_is_not_known_under_autocast(loss: str) -> None:
    found = run("train", "llama-3-8b", "--precision", "amp", "--loss", loss, "-o", "json").json()
    assert found["peaks"] is None
    assert any(f"--loss {loss} under autocast" in told for told in found["warnings"])


@pytest.mark.parametrize(
    ("options", "unsaid"),
    [
        (["mixtral-8x7b", "--precision", "bf16", "--checkpointing", "selective"], "selective of this model or method"),
        (["llama-3-8b", "--checkpointing", "selective"], "selective of this model or method"),
        (["llama-3-8b", "--method", "qlora", "--checkpointing", "selective"], "selective of this model or method"),
        (["whisper-small", "--precision", "bf16", "--checkpointing", "every:2"], "every:2 of two stacks"),
    ],
)
def test_what_was_never_followed_has_no_peaks_and_says_so(options: list[str], unsaid: str) -> None:
    found = run("train", *options, "-o", "json").json()
    assert found["peaks"] is None
    assert any(unsaid in told for told in found["warnings"])


def test_frozen_layers_that_are_run_again_are_told_where_they_take_more() -> None:
    frozen = ("train", "llama-3-8b", "--method", "freeze", "--checkpointing")
    plain, again = (run(*frozen, way, "-o", "json").json() for way in ("none", "full"))
    more = again["memory"]["total_bytes"] - plain["memory"]["total_bytes"]
    told = [line for line in again["warnings"] if "31 frozen layers" in line]
    assert len(told) == 1
    assert f"{more / 1e9:.2f} GB more than none" in told[0]
    assert not any("frozen layers" in line for line in plain["warnings"])
    most = run(*frozen, "full", "--train-layers", "last:16", "-o", "json").json()
    assert not any("frozen layers" in line for line in most["warnings"])
    assert "31 个冻结层" in run(*frozen, "full", "--lang", "zh").out


def test_layouts_are_not_searched_with_layers_run_again_in_part() -> None:
    found = asked("--gpu", "8x h100", "--checkpointing", "every:2")
    assert found["layouts"] == []
    assert any("every:2 is modelled on one device" in told for told in found["warnings"])
    refused = run(*LLAMA, "--gpu", "8x h100", "--tp", "2", "--checkpointing", "every:2")
    assert (refused.status, refused.out) == (4, "")
    assert "every:2 is modelled on one device" in refused.err
