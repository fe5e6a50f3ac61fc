"""What is measured: memory outside PyTorch, CUDA graphs, and the cards that they go by."""

from __future__ import annotations

import pytest

from llmscale.devices.device import entries
from llmscale.devices.sets import device_set
from llmscale.quantity import Basis
from llmscale.runtimes.parallel.ranks import ALONE, Parallel
from llmscale.runtimes.vllm.overhead import (
    captured,
    graph_bytes,
    graph_layers,
    non_torch_bytes,
    outside_torch,
    system_bytes,
)
from llmscale.runtimes.vllm.profile import DeviceTraits
from llmscale.runtimes.vllm.releases import Batch, release
from llmscale.runtimes.vllm.started import card_of
from llmscale.sources.registry import load
from llmscale.units import GIB


def test_outside_pytorch_goes_by_the_card_and_its_links() -> None:
    h100, ada = DeviceTraits(), DeviceTraits(capability=8.9, linked=False)
    old, new = release("0.11.0"), release("0.19.0")
    assert non_torch_bytes(old, ALONE, h100) == round(0.13 * GIB)
    assert non_torch_bytes(old, ALONE, ada) == round(0.02 * GIB)
    assert non_torch_bytes(new, ALONE, h100) == round(0.25 * GIB)
    for capability in (8.0, 8.9, 11.0, 12.0, 12.1):
        assert non_torch_bytes(new, ALONE, DeviceTraits(capability=capability, linked=False)) == round(0.12 * GIB)
    pair = Parallel(2)
    assert non_torch_bytes(old, pair, h100) == round(0.54 * GIB)
    assert non_torch_bytes(old, pair, ada) == round(0.09 * GIB)
    assert non_torch_bytes(new, pair, ada) == round(0.12 * GIB)
    assert non_torch_bytes(new, pair, h100) > 2 * GIB


def test_the_system_takes_of_memory_that_is_its_own_too() -> None:
    rules, spark = release("0.22"), DeviceTraits(capability=12.1, linked=False, shared=True)
    own = non_torch_bytes(rules)
    assert outside_torch(rules, ALONE, DeviceTraits()) == (own, own, own, Basis.MODELLED)
    alone, group = outside_torch(rules, ALONE, spark), outside_torch(rules, Parallel(2), spark)
    assert alone.low == non_torch_bytes(rules, ALONE, spark) < alone.value < alone.high < group.high
    assert alone.high - alone.low == system_bytes(ALONE, spark).most == round(12.2 * GIB)


def test_graphs_go_with_the_sizes_that_are_captured() -> None:
    """1, 2, 4, then every 8 up to 256, then every 16 up to 512: 51; whole graphs for those that are no more than the
    sequences: 35 of 256."""
    assert captured(Batch(8192, 1024)) == 51 + 51
    assert captured(Batch(2048, 256)) == 51 + 35
    assert captured(Batch(2048, 8)) == 5 + 4
    assert captured(Batch(1, 1)) == 1 + 1
    assert captured(Batch(2048, 1)) == 2 + 1
    spec = load("llama-3.1-8b").known()
    whole, few = graph_bytes(graph_layers(spec)), graph_bytes(graph_layers(spec), Batch(2048, 8))
    assert few == pytest.approx(whole * 9 / 102, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "capability", "linked"),
    [
        ("rtx3090", 8.6, False),
        ("a100-80gb", 8.0, False),
        ("rtx4090", 8.9, False),
        ("l40s", 8.9, False),
        ("h100", 9.0, True),
        ("h100-pcie", 9.0, False),
        ("h100-nvl", 9.0, False),
        ("h200", 9.0, True),
        ("b200", 10.0, True),
        ("rtx5090", 12.0, False),
        ("dgx-spark", 12.1, False),
        ("79.19GiB", 9.0, True),
        ("rtx4090 + rtx3090", 8.6, False),
        ("mi300x", 0, False),
    ],
)
def test_a_card_is_what_nvidia_says_it_can(name: str, capability: float, linked: bool) -> None:
    device = card_of(device_set(name)).device
    assert (device.capability, device.linked) == (capability, linked)
    assert device.hopper == (capability >= 9)


def test_all_of_nvidias_devices_say_what_they_can() -> None:
    for device in entries():
        assert (device.compute_capability is not None) == (device.vendor == "NVIDIA"), device.id
        assert device.compute_capability is None or 3 <= device.compute_capability < 13
