"""What somebody typed stands in a refusal, cut where it is long."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from llmscale.devices.sets import device_set
from llmscale.errors import UsageError
from llmscale.runtimes.llama_cpp.load import gpu_layers, main_device, tensor_split
from llmscale.runtimes.llama_cpp.overrides import layers_in_ram
from llmscale.runtimes.llama_cpp.slots import in_slots
from tests.runtimes.llama_cpp.test_placement import subject, work

LONG = "".join(chr(ord("a") + number % 26) for number in range(60))


@pytest.mark.parametrize(
    ("option", "refused"),
    [
        ("--gpu-layers", lambda said: gpu_layers(work(gpu_layers=said))),
        ("--tensor-split", lambda said: tensor_split(work(tensor_split=said), device_set("2x rtx3090"))),
        ("--parallel", lambda said: in_slots(work(parallel=said), named=False)),
        ("--override-tensor", lambda said: layers_in_ram(subject("qwen3-30b-a3b"), said)),
        ("--override-tensor", lambda said: layers_in_ram(subject("qwen3-30b-a3b"), f"{said}=GPU")),
        ("--override-tensor", lambda said: layers_in_ram(subject("qwen3-30b-a3b"), f"{said}=CPU")),
        ("--override-tensor", lambda said: layers_in_ram(subject("qwen3-30b-a3b"), f"{said}(=CPU")),
    ],
)
def test_forty_characters_of_it(option: str, refused: Callable[[str], object]) -> None:
    with pytest.raises(UsageError) as told:
        refused(LONG)
    assert f"{option} '{LONG[:40]}'" in told.value.message


@pytest.mark.parametrize(("said", "count"), [("1", 1), ("256", 256)])
def test_the_fewest_and_the_most_slots(said: str, count: int) -> None:
    assert in_slots(work(parallel=said), named=False).batch == count


def test_one_slot_more_than_the_most_is_refused() -> None:
    with pytest.raises(UsageError, match="not a number of slots"):
        in_slots(work(parallel="257"), named=False)


def test_a_token_for_each_slot_is_enough() -> None:
    assert in_slots(work(ctx_size=4, parallel="4"), named=False).context == 256
    with pytest.raises(UsageError, match="--ctx-size 3 is less than a token for each of 4 slots"):
        in_slots(work(ctx_size=3, parallel="4"), named=False)


@pytest.mark.parametrize("rules", ["x" * 496 + "=CPU", "x" * 497 + "=CPU"])
def test_the_longest_rule_is_500_characters(rules: str) -> None:
    why = "matches no experts" if len(rules) <= 500 else "longer than 500 characters"
    with pytest.raises(UsageError, match=why):
        layers_in_ram(subject("qwen3-30b-a3b"), rules)


def test_a_device_that_is_not_there() -> None:
    assert main_device(work(split_mode="none", main_gpu=1), 2) == 1
    assert main_device(work(split_mode="none"), 2) == 0
    assert main_device(work(split_mode="layer", main_gpu=1), 2) is None
    with pytest.raises(UsageError, match="--main-gpu 2 is not there: devices 0 to 1 are"):
        main_device(work(split_mode="none", main_gpu=2), 2)
    for mode in ("row", "tensor"):
        with pytest.raises(UsageError, match=f"--split-mode {mode} cuts every matrix"):
            main_device(work(split_mode=mode), 2)


def test_numbers_that_are_too_long_to_be_layers_or_shares() -> None:
    assert gpu_layers(work(gpu_layers="9" * 9)) == 999_999_999
    assert tensor_split(work(tensor_split="1.123456789,123456789")) == (1.123456789, 123456789.0)
    for said in ("1.1234567890,1", "1234567890,1"):
        with pytest.raises(UsageError, match="no list of shares"):
            tensor_split(work(tensor_split=said))
