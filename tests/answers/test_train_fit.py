"""``train --gpu``: whether a step fits a card, how far it reaches, and what makes it fit."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import run

GIB = 2**30
QLORA = ("qwen3-14b", "--method", "qlora", "--seq", "4k", "--gpu", "rtx4090")


def fit(*arguments: str) -> dict[str, Any]:
    answer = run("train", *arguments, "-o", "json")
    assert answer.status == 0, answer.err
    found: dict[str, Any] = answer.json()["fit"]
    return found


def test_the_first_line_answers_and_names_the_change_that_makes_it_fit() -> None:
    first = run("train", *QLORA).out.splitlines()[0]
    assert first.startswith("No: Qwen3-14B by qlora r8 at 4,096 tokens takes ~73.61 GiB")
    assert first.endswith("With --checkpointing full --loss cut it takes ~19.34 GiB and fits.")
    assert "不行:Qwen3-14B" in run("train", *QLORA, "--lang", "zh").out.splitlines()[0]


def test_a_named_change_gives_what_was_promised() -> None:
    promised = fit(*QLORA)["changes"][1]
    made = fit(*QLORA, *promised["flags"].split())
    assert (made["used_bytes"], made["fits"]) == (promised["used_bytes"], "yes")
    assert made["changes"] == []
    assert promised["saves_bytes"] == fit(*QLORA)["used_bytes"] - made["used_bytes"]


def test_a_shorter_sequence_is_the_longest_that_surely_fits() -> None:
    shorter = fit(*QLORA)["changes"][-1]["flags"].removeprefix("--seq ")
    asked = [*QLORA[:-4], "--gpu", "rtx4090"]
    assert fit(*asked, "--seq", shorter)["fits"] == "yes"
    assert fit(*asked, "--seq", str(int(shorter) + 1))["fits"] != "yes"


def test_parts_add_up_and_the_json_keys_say_the_same() -> None:
    found = run("train", *QLORA, "-o", "json").json()
    parts = found["fit"]["parts"]
    assert [part["part"] for part in parts] == ["weights", "optimizer", "activations", "overhead"]
    assert sum(part["bytes"] for part in parts) == found["fit"]["used_bytes"] == found["memory"]["per_device_bytes"]
    assert found["fit"]["used_bytes"] + found["fit"]["free_bytes"] == found["fit"]["usable_bytes"]
    assert found["memory"]["total_bytes"] + found["memory"]["overhead_bytes"] == found["memory"]["per_device_bytes"]


def test_the_largest_micro_batch_surely_fits_and_one_more_does_not() -> None:
    asked = ("llama-3.2-1b", "--method", "lora", "--checkpointing", "full", "--gpu", "rtx4090", "--seq", "512")
    most = fit(*asked)["max_micro_batch"]
    assert most > 1
    assert fit(*asked, "--micro-batch", str(most))["fits"] == "yes"
    assert fit(*asked, "--micro-batch", str(most + 1))["fits"] != "yes"


def test_without_a_method_those_that_fit_are_named() -> None:
    found = fit("llama-3-8b", "--gpu", "rtx4090")
    verdicts = {way["flags"]: way["fits"] for way in found["methods"]}
    assert verdicts["--method full --precision bf16 --checkpointing full"] == "no"
    assert verdicts["--method qlora --checkpointing full"] == "yes"
    first = run("train", "llama-3-8b", "--gpu", "rtx4090").out.splitlines()[0]
    assert "--method qlora --checkpointing full surely fit" in first
    none = run("train", "llama-3-70b", "--gpu", "8GiB").out.splitlines()[0]
    assert "no usual way surely fits" in none


def test_full_training_is_made_smaller_step_by_step() -> None:
    flags = [way["flags"] for way in fit("llama-3-8b", "--method", "full", "--gpu", "rtx4090")["changes"]]
    assert flags[0] == "--checkpointing full"
    assert any("--optimizer adamw-8bit" in each for each in flags)
    assert flags[-1].endswith("--method lora")


@pytest.mark.parametrize(
    ("model", "fits", "said"), [("bart-base", "unknown", "Not known: "), ("deepseek-v3", "no", "No: ")]
)
def test_what_is_not_modelled_fits_only_where_the_rest_alone_says_no(model: str, fits: str, said: str) -> None:
    assert fit(model, "--method", "full", "--gpu", "rtx4090")["fits"] == fits
    assert run("train", model, "--method", "full", "--gpu", "rtx4090").out.startswith(said)


@pytest.mark.parametrize(
    ("device", "said"),
    [("m3 max 64gb", "was not measured"), ("rx7900xtx", "was not measured"), ("rtx4090 + rtx3090", "unlike devices")],
)
def test_what_nobody_measured_is_refused(device: str, said: str) -> None:
    answer = run("train", "llama-3-8b", "--gpu", device)
    assert (answer.status, answer.out) == (2, "")
    assert said in answer.err


def test_a_loss_without_logits_keeps_states_in_their_stead() -> None:
    plain, cut = (
        run("train", "llama-3.2-1b", "--precision", "bf16", "--loss", loss, "-o", "json").json()["memory"]
        for loss in ("logits", "cut")
    )
    logits = 2048 * 128_256 * 4
    assert 0.9 * logits < plain["activations_bytes"] - cut["activations_bytes"] < 1.1 * logits
    assert cut["total_bytes"] < plain["total_bytes"]
    unmodelled = run("train", "llama-3.2-1b", "--precision", "amp", "--loss", "cut", "-o", "json").json()
    assert unmodelled["peaks"] is None
    refused = run("train", "llama-3.2-1b", "--loss", "none")
    assert (refused.status, refused.out) == (2, "")
