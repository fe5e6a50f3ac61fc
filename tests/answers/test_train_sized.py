"""``train`` of a size: the nearest model that can be trained so answers, and the ends of all around are the range."""

from __future__ import annotations

import pytest

from llmscale.answers.results.train import TrainResult
from llmscale.answers.train import train
from llmscale.answers.train_memory import MemoryAsked
from llmscale.answers.train_sized import MOST
from llmscale.errors import LlmscaleError, UsageError
from llmscale.fit.neighbours import neighbours
from tests.helpers import run

SHORT = MemoryAsked(256)


def around(size: int, method: str) -> list[TrainResult]:
    """What each model of about the size comes to by itself, the nearest first."""
    found = []
    for near in neighbours(size, False):
        try:
            one = train(near.id, method=method, precision="bf16", memory=SHORT)
        except LlmscaleError:
            continue
        if one.memory.total_bytes is not None:
            found.append(one)
    return found[:MOST]


@pytest.mark.parametrize("method", ["full", "lora"])
def test_the_nearest_answers_and_all_around_are_its_range(method: str) -> None:
    size = 7 * 10**9
    told, every = train("7B", method=method, precision="bf16", memory=SHORT), around(size, method)
    nearest = every[0]
    assert len(every) == MOST
    assert told.memory == nearest.memory
    assert told.total_parameters == nearest.total_parameters
    assert (told.model.name, told.model.basis) == ("7B", "assumed")
    for name, of in (
        ("trainable_parameters", lambda one: one.trainable_parameters),
        ("memory.states_bytes", lambda one: one.memory.states_bytes),
        ("memory.total_bytes", lambda one: one.memory.total_bytes),
    ):
        scaled = [round(of(one) * size / one.total_parameters) for one in every]
        assert told.ranges[name] == (min(scaled), max(scaled)), name
    first = told.notes[0]
    assert (first.code, dict(first.values)) == (
        "shape_assumed",
        {"name": "7B", "model": nearest.model.name, "models": MOST},
    )


def test_a_size_of_which_no_model_is_near_is_refused() -> None:
    with pytest.raises(UsageError, match="no model of about that size can be trained so"):
        train("90T", precision="bf16", memory=SHORT)


def test_what_a_size_takes_of_a_card_has_the_ends_of_all_models_that_answer() -> None:
    """Not those of the nearest alone: what is said of the step and of the card agree."""
    for options in ((), ("--checkpointing", "full")):
        found = run("train", "7B", "--method", "lora", "--gpu", "rtx4090", *options, "-o", "json").json()
        fit, (least, most) = found["fit"], found["ranges"]["memory.total_bytes"]
        low, high = fit["used_range"]
        assert low <= fit["used_bytes"] <= high
        assert low <= least + 5 * 2**30
        assert most < high
        sure = {"yes": high <= fit["usable_bytes"], "no": low > fit["usable_bytes"]}
        assert sure.get(fit["fits"], low <= fit["usable_bytes"] < high)
        for way in fit["changes"]:
            assert way["used_range"][0] <= way["used_bytes"] <= way["used_range"][1]
            assert (way["fits"] == "yes") == (way["used_range"][1] <= fit["usable_bytes"])
