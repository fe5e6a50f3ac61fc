"""What nobody has said of a device yet."""

from __future__ import annotations

from dataclasses import replace

import pytest

from llmscale.devices.device import Device, Interconnect, entry
from llmscale.devices.missing import missing

BARE = Device("x", "X", "NVIDIA", "consumer", 2024, 8, "me")


def test_a_whole_entry_lacks_nothing() -> None:
    assert missing(entry("rtx4090")) == ()
    assert missing(entry("h100")) == ()
    assert missing(entry("m4-max")) == ()


def test_a_bare_entry_lacks_what_decides_speed_and_memory() -> None:
    wanted = {"memory_kind", "bandwidth_gb_s", "fp32_tflops", "fp16_tflops", "link", "generation"}
    assert set(missing(BARE)) == wanted | {"compute_capability", "sms", "threads_per_sm"}
    assert set(missing(replace(BARE, vendor="AMD"))) == wanted


@pytest.mark.parametrize(
    ("link", "lacking"),
    [
        (Interconnect("none"), ()),
        (Interconnect("pcie", pcie=4, lanes=16), ()),
        (Interconnect("pcie", pcie=4), ("link.pcie",)),
        (Interconnect("switch", "NVLink"), ("link.gb_s",)),
        (Interconnect("fabric", "NVLink", 150), ()),
        (Interconnect("bridge", "NVLink", 300), ("link.pcie",)),
    ],
)
def test_a_link_lacks_its_speed(link: Interconnect, lacking: tuple[str, ...]) -> None:
    assert missing(replace(entry("rtx4090"), link=link)) == lacking
