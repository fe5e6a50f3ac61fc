"""What links several devices: one rule for runtimes and speed, from fields of the devices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from llmscale.devices import topology
from llmscale.devices.device import Device, Interconnect, entries, entry
from llmscale.devices.sets import ANY_DEVICE, device_set
from llmscale.devices.topology import HBM, Link, has_hbm, link_between


@pytest.mark.parametrize(
    ("text", "kind", "gb_s"),
    [
        ("8x h100", "switch", 450),
        ("2x a100-80gb", "switch", 300),
        ("8x b200", "switch", 900),
        ("8x h800", "switch", 200),
        # Without a bridge that somebody names, cards talk over their slots.
        ("2x h100-pcie", "pcie", 64),
        ("2x a100-pcie-80gb", "pcie", 32),
        ("2x rtx3090", "pcie", 32),
        ("2x rtx4090", "pcie", 32),
        ("2x rtx5090", "pcie", 64),
        ("2x rtx2080ti", "pcie", 16),
        ("2x rtx4060ti-16gb", "pcie", 16),
        # Made for bridges, of so many cards and no more.
        ("2x h100-nvl", "bridge", 300),
        ("4x h100-nvl", "pcie", 64),
        ("4x h200-nvl", "bridge", 450),
        ("8x h200-nvl", "pcie", 64),
        # Wired to each other: two use the wires between two.
        ("8x mi300x", "fabric", 448),
        ("2x mi300x", "fabric", 64),
        ("2x dgx-spark", "fabric", 25),
        ("8x mi250", "fabric", None),
        ("2x m3-ultra", "none", None),
        ("2x jetson-thor", "none", None),
    ],
)
def test_links_of_alike_devices(text: str, kind: str, gb_s: float | None) -> None:
    found = link_between(device_set(text))
    assert found.kind == kind
    assert found.gb_s == (None if gb_s is None else pytest.approx(gb_s))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rtx4090 + rtx3060-12gb", Link("pcie", 32.0, "PCI Express")),
        ("rtx5090 + rtx2080ti", Link("pcie", 16.0, "PCI Express")),
        # No switch joins unlike modules.
        ("4x h100 + 4x a100-80gb", Link("pcie", 32.0, "PCI Express")),
        ("rtx4090 + m3-max", Link("none")),
        ("rtx4090 + 24GiB", Link("unknown")),
        ("m3-max + 24GiB", Link("unknown")),
        # The slot of that module is not known.
        ("h100 + gh200-96gb", Link("unknown")),
        ("2x 24GiB", Link("unknown")),
    ],
)
def test_unlike_devices_have_the_weakest_of_their_slots(text: str, expected: Link) -> None:
    assert link_between(device_set(text)) == expected


def test_the_same_device_with_less_memory_is_alike() -> None:
    assert link_between(device_set("h100 + h100:40GB")) == link_between(device_set("2x h100"))


def test_one_device_is_answered_as_with_another_of_its_kind() -> None:
    assert link_between(device_set("h100")) == link_between(device_set("2x h100"))
    assert link_between(device_set("mi300x")) == link_between(device_set("2x mi300x"))
    assert link_between(ANY_DEVICE) == Link("unknown")


@pytest.fixture
def linked(monkeypatch: pytest.MonkeyPatch) -> Callable[[Interconnect | None, int], Link]:
    """The answer for so many cards that have this link, whatever their name."""

    def answer(link: Interconnect | None, count: int) -> Link:
        card = replace(entry("rtx4090"), id="h100-pcie", link=link)
        monkeypatch.setattr(topology, "known", lambda _: card)
        topology._between.cache_clear()
        return link_between(device_set(f"{count}x rtx4090"))

    yield answer  # type: ignore[misc]
    topology._between.cache_clear()


def test_the_link_is_a_field_and_no_name(linked: Callable[[Interconnect | None, int], Link]) -> None:
    assert linked(Interconnect("switch", "NVLink", 450), 8) == Link("switch", 450, "NVLink")
    assert linked(Interconnect("pcie", pcie=3, lanes=8, bridge_gb_s=50), 2) == Link("pcie", 8.0, "PCI Express")
    assert linked(Interconnect("fabric", "Wires", 300, peers=3), 2) == Link("fabric", 100.0, "Wires")
    assert linked(Interconnect("fabric", "Wires", 300, peers=3), 16) == Link("fabric", 300.0, "Wires")
    assert linked(Interconnect("fabric", "Wires", 300), 2) == Link("fabric", 300.0, "Wires")


def test_what_nobody_says_is_unknown(linked: Callable[[Interconnect | None, int], Link]) -> None:
    assert linked(None, 2) == Link("unknown")
    assert linked(Interconnect("pcie", pcie=4), 2) == Link("unknown")
    assert linked(Interconnect("pcie", pcie=9, lanes=16), 2) == Link("unknown")
    assert linked(Interconnect("switch", "NVLink"), 2) == Link("switch", None, "NVLink")


def test_more_cards_never_have_a_faster_bridge_or_a_slower_fabric() -> None:
    for device in entries():
        if device.link is None or device.link.gb_s is None:
            continue
        speeds = [link_between(device_set(f"{count}x {device.id}")).gb_s or 0.0 for count in (2, 3, 4, 8, 16)]
        assert speeds == sorted(speeds, reverse=device.link.kind == "bridge"), device.id


def test_stacked_memory() -> None:
    assert [has_hbm(entry(name)) for name in ("h100", "titan-v", "mi300x", "rtx4090", "t4", "m4-max")] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]
    assert not has_hbm(Device("x", "X", "", "consumer", 2020, 24, ""))
    assert {device.memory_kind for device in entries() if has_hbm(device)} <= HBM
