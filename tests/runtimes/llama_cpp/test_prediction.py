"""Speculation by a model's own layer under llama.cpp, asked through the command line."""

from __future__ import annotations

from typing import Any

import pytest

from llmscale.units import MIB
from tests.helpers import good, run

ASKED = ("estimate", "qwen3.8-27b", "-q", "q5_k_m", "-c", "8192", "-ub", "2048", "--gpu", "rtx3090")
MTP = ("--spec-type", "draft-mtp")


def parts(*words: str) -> dict[str, Any]:
    (device,) = good(*ASKED, *words, "-o", "json").json()["estimates"][0]["devices"]
    found: dict[str, Any] = device["per_device"][-1]["parts"]
    return found


def test_its_context_is_that_of_a_model_of_one_layer() -> None:
    """Printed by build 9849: 32 MiB of cache, 520.06 of compute buffer, 552.06 in all; the rest is the layer."""
    plain, speculating = parts(), parts(*MTP, "--spec-draft-n-max", "2")
    weights = speculating["draft"] / MIB - 552.06
    assert "draft" not in plain
    assert 260 < weights < 320  # 0.42 B parameters in 5 to 6 bits
    assert speculating["state"] == 3 * plain["state"]
    assert speculating["kv_cache"] == plain["kv_cache"]


def test_three_tokens_are_proposed_where_nobody_says() -> None:
    assert parts(*MTP)["state"] == 4 * parts()["state"] == parts(*MTP, "--spec-draft-n-max", "3")["state"]


def test_its_cache_is_f16_whatever_the_models_is() -> None:
    f16, q8 = parts(*MTP)["draft"], parts(*MTP, "--kv-dtype", "q8_0")["draft"]
    assert f16 == q8


def test_it_lies_on_the_last_device() -> None:
    words = ("estimate", "qwen3.6-35b-a3b", "-q", "q4_k_m", "--gpu", "2x rtx3090", *MTP, "-o", "json")
    (device,) = good(*words).json()["estimates"][0]["devices"]
    first, last = (one["parts"] for one in device["per_device"])
    assert "draft" not in first or first["draft"] == 0
    assert last["draft"] > 400 * MIB
    for one in device["per_device"]:
        assert sum(one["parts"].values()) == one["used_bytes"]


def test_a_draft_model_keeps_no_states_but_may_propose_more() -> None:
    drafting = parts("--draft", "qwen3.5-0.8b", "--spec-draft-n-max", "8")
    assert drafting["state"] == parts()["state"]
    assert drafting["draft"] > 0


def test_what_to_type_says_so() -> None:
    line = good(*ASKED, *MTP, "--spec-draft-n-max", "2", "--command").out
    assert "--spec-type draft-mtp --spec-draft-n-max 2" in line
    assert "--spec-draft-n-max" not in good(*ASKED, *MTP, "--command").out
    assert "-ngl 66" in line  # the file's last layer counts as well


def test_what_it_takes_is_explained() -> None:
    told = good(*ASKED, *MTP, "--explain").out
    assert "of the layer that predicts further tokens" in told
    assert "each state of the model is kept 4 times" in told


def test_nobody_measured_its_speed_by_model() -> None:
    (device,) = good(*ASKED, *MTP, "-o", "json").json()["estimates"][0]["devices"]
    assert device["tokens_per_second"] is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("gemma-4-31b", "-q", "q4_k_m", *MTP), "has no layer that predicts further tokens"),
        (("deepseek-v3", "-q", "q4_k_m", *MTP), "was not read"),
        (("7B", "-q", "q4_k_m", *MTP), "this is a size alone"),
        (("qwen3.8-27b", "-q", "q4_k_m", "--spec-draft-n-max", "2"), "and none is named"),
        (("qwen3.8-27b", "-q", "q4_k_m", *MTP, "--draft", "qwen3.5-0.8b"), "the model's own layer"),
        (("qwen3.8-27b", "-q", "q4_k_m", "--spec-type", "draft-eagle3"), "'draft-eagle3' is not known"),
        (("qwen3.8-27b", "-q", "4.5bpw", "--runtime", "llama.cpp", *MTP), "loads no model in 4.5 bpw"),
        (("qwen3.8-27b", "-q", "q4_k_m", *MTP, "--spec-draft-n-max", "0"), "--spec-draft-n-max"),
    ],
)
def test_what_cannot_be_is_refused(words: tuple[str, ...], said: str) -> None:
    answer = run("estimate", *words, "--gpu", "rtx3090")
    assert answer.status != 0
    assert said in answer.err.replace("\n", " ")
