"""Several unlike devices: what ``device_map="auto"`` puts on each, whatever the sequences."""

from __future__ import annotations

from typing import Any

import pytest

from llmscale import estimate
from llmscale.answers.results.estimate import DeviceFit
from llmscale.fit.subject import model_of
from llmscale.formats.catalogue import quant
from llmscale.runtimes.subject import Exact
from llmscale.runtimes.transformers.device_map import Module, dealt, modules_of
from llmscale.sources.registry import load
from llmscale.units import GIB
from tests.helpers import good


def modules(reference: str, form: str = "bf16") -> list[Module]:
    subject = model_of(load(reference).known()).subject(quant(form), "transformers")
    assert isinstance(subject, Exact)
    found = modules_of(subject.stored)
    assert sum(module.bytes for module in found) == subject.weights.value
    return found


def on(gpus: str, **asked: Any) -> DeviceFit:
    (line,) = estimate("llama-3.1-8b", ["bf16"], gpus=[gpus], runtime="transformers", **asked).estimates
    return line.devices[0]


def test_an_equal_share_goes_to_each_whatever_it_has() -> None:
    found = modules("llama-3.1-8b")
    assert [module.layer for module in found] == [False, *[True] * 32, False]
    # The first keeps room for the head beside the embedding and 14 layers; the last has the rest.
    assert dealt(found, [23 * GIB, 11 * GIB]).layers == (14, 18)
    assert dealt(found, [80 * GIB, 80 * GIB]) == dealt(found, [23 * GIB, 11 * GIB])


def test_a_published_map_to_a_layer() -> None:
    # github.com/huggingface/accelerate issue 2692: StarCoder's shape on three devices, 13 layers on the first.
    found = dealt(modules("starcoder-15b"), [23 * GIB] * 3)
    assert sum(found.layers) == 40
    assert abs(found.layers[0] - 13) <= 1


def test_what_is_free_bounds_all_but_the_last() -> None:
    found = modules("llama-3.1-8b")
    assert sum(dealt(found, [5 * GIB, 23 * GIB]).layers) == 32
    assert dealt(found, [5 * GIB, 23 * GIB]).weights[0] <= 5 * GIB
    overfull = dealt(found, [5 * GIB, 5 * GIB])
    assert overfull.weights[1] > 5 * GIB
    assert sum(overfull.weights) == sum(module.bytes for module in found)


def test_a_device_of_which_nothing_is_free_gets_nothing() -> None:
    found = modules("llama-3.1-8b")
    assert dealt(found, [23 * GIB, 0]).layers == (32, 0)
    assert dealt(found, [0, 23 * GIB]).layers == (0, 32)
    assert dealt(found, [0, 0]).layers == (0, 32)
    middle = dealt(found, [23 * GIB, -1, 23 * GIB])
    assert middle.weights[1] == 0
    assert middle.layers == (14, 0, 18)


def test_stacks_keep_their_order() -> None:
    found = modules("t5-large")
    assert sum(module.layer for module in found) == 48
    mixed = modules("nemotron-h-8b")
    assert sum(module.layer for module in mixed) == 52


@pytest.mark.parametrize("gpus", ["rtx4090 + rtx3060-12gb", "rtx3060-12gb + rtx4090"])
def test_more_sequences_never_take_less_nor_leave_a_card_out(gpus: str) -> None:
    answers = [on(gpus, batch=batch, context=8192) for batch in (1, 4, 16, 64)]
    assert [one.used_bytes for one in answers] == sorted(one.used_bytes for one in answers)
    weights = {tuple(usage.parts["weights"] for usage in one.per_device) for one in answers}
    assert len(weights) == 1
    assert answers[0].fits
    assert not answers[-1].fits


def test_the_last_card_may_be_too_small_where_all_together_are_not() -> None:
    asked = ("estimate", "qwen3-14b", "-q", "bf16", "--runtime", "transformers", "-o", "json", "--gpu")
    small, large = (
        good(*asked, gpus).json()["estimates"][0]["devices"][0]
        for gpus in ("rtx4090 + rtx3060-12gb", "rtx3060-12gb + rtx4090")
    )
    assert not small["fits"]
    assert small["used_bytes"] < small["usable_bytes"]
    assert small["per_device"][1]["free_bytes"] < 0
    assert large["used_bytes"] == small["used_bytes"]
    assert large["per_device"][1]["free_bytes"] > 0
    text = good(*asked[:-3], "--width", "200", "--gpu", "rtx4090 + rtx3060-12gb").out
    assert 'device_map="auto" goes by the weights' in text


def test_cards_alike_share_alike() -> None:
    first, second = on("2x rtx4090").per_device
    assert abs(first.used_bytes - second.used_bytes) <= 1
