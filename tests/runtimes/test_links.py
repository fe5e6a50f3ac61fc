"""vLLM, SGLang and speed ask one rule what links devices, so that no two of them disagree."""

from __future__ import annotations

import pytest

from llmscale.answers.estimate import estimate
from llmscale.answers.results.estimate import DeviceFit
from llmscale.devices.sets import device_set
from llmscale.devices.topology import link_between
from llmscale.runtimes.sglang.static import CONTEXT, NVLINK_GROUP
from llmscale.runtimes.vllm.started import card_of


def on(gpu: str, runtime: str) -> DeviceFit:
    return estimate("llama-3.1-8b", ["bf16"], gpus=[gpu], runtime=runtime, context=8192).estimates[0].devices[0]


@pytest.mark.parametrize(
    ("gpu", "kind", "switched", "nvlink"),
    [
        ("4x h100", "switch", True, True),
        ("2x h100-pcie", "pcie", False, False),
        ("2x h100-nvl", "bridge", False, True),
        ("4x h100-nvl", "pcie", False, False),
        ("2x a100-80gb", "switch", False, True),  # fused all-reduce is made for Hopper and Blackwell alone
        ("2x a100-pcie-80gb", "pcie", False, False),
        ("8x mi300x", "fabric", False, False),
        ("2x rtx3090", "pcie", False, False),
        ("2x dgx-spark", "fabric", False, False),
        ("h100 + a100-80gb", "pcie", False, False),
    ],
)
def test_runtimes_see_the_same_link(gpu: str, kind: str, switched: bool, nvlink: bool) -> None:
    devices = device_set(gpu)
    assert link_between(devices).kind == kind
    assert card_of(devices).device.linked == switched
    taken = {part["overhead"] for part in (each.parts for each in on(gpu, "sglang").per_device)}
    assert taken == {CONTEXT + NVLINK_GROUP * nvlink}


def test_a_bare_size_is_taken_for_an_h100_of_a_server() -> None:
    assert card_of(device_set("2x 80GiB")).device.linked
    assert not card_of(device_set("2x 80GiB")).a100


@pytest.mark.parametrize(
    ("gpu", "a100", "gb10"),
    [
        ("a100-80gb", True, False),
        ("a100-pcie-80gb", True, False),
        ("2x a100-80gb + h100", True, False),  # the limits are those of the first
        ("h100 + a100-80gb", False, False),
        ("a800-80gb", False, False),
        ("h100", False, False),
        ("dgx-spark", False, True),
    ],
)
def test_vllm_goes_by_what_the_driver_calls_a_device(gpu: str, a100: bool, gb10: bool) -> None:
    card = card_of(device_set(gpu))
    assert (card.a100, card.gb10) == (a100, gb10)


def test_ranks_that_nothing_links_have_no_speed_and_layers_one_after_another_do() -> None:
    assert on("jetson-thor", "vllm").tokens_per_second is not None
    assert on("2x jetson-thor", "vllm").tokens_per_second is None
    assert estimate("llama-3.1-8b", ["q8_0"], gpus=["2x m3-max"]).estimates[0].devices[0].tokens_per_second is not None


def test_a_faster_link_is_faster() -> None:
    slots, wires = on("8x a100-pcie-80gb", "vllm"), on("8x a100-80gb", "vllm")
    assert slots.tokens_per_second is not None
    assert wires.tokens_per_second is not None
    assert slots.tokens_per_second < wires.tokens_per_second
