"""The devices of the catalogue, found by any of their names."""

from __future__ import annotations

import pytest

from llmscale.devices.device import Device, entries, entry, lookup
from llmscale.errors import NotFoundError
from llmscale.units import GIB, MIB

KINDS = {"consumer", "laptop", "workstation", "datacentre", "unified"}
DEVICES = list(entries())


@pytest.mark.parametrize(
    "name", ["rtx4090", "RTX 4090", "rtx-4090", "Rtx_4090", "4090", "NVIDIA GeForce RTX 4090", "GeForce RTX 4090"]
)
def test_a_card_goes_by_what_people_call_it(name: str) -> None:
    assert lookup(name).id == "rtx4090"


def test_memory_is_what_the_driver_reports_where_a_log_shows_it() -> None:
    card = lookup("rtx4090")
    assert card.reported_mib is not None
    assert card.memory == card.reported_mib * MIB < 24 * GIB
    assert Device("x", "X", "", "consumer", 2020, 24, "").memory == 24 * GIB


def test_a_name_that_several_go_by_lists_them() -> None:
    with pytest.raises(NotFoundError) as caught:
        lookup("a100y")
    assert "a100" in caught.value.hint


def test_the_catalogue_is_large_and_every_entry_is_plausible() -> None:
    assert len(DEVICES) >= 120
    for device in DEVICES:
        assert device.source, device.id
        assert device.kind in KINDS, device.id
        assert device.name, device.id
        assert device.vendor, device.id
        assert 1 <= device.memory_gib <= 2048, device.id
        assert 2005 <= device.released <= 2027, device.id
        assert abs(device.memory / GIB / device.memory_gib - 1) < 0.12, device.id
        assert device.gpu_share is None or 0.5 <= device.gpu_share < 1, device.id
        for number in (device.bandwidth_gb_s, device.fp16_tflops, device.power_w, device.price_usd):
            assert number is None or 0 < number < 1e6, device.id
        known = set(Device.__dataclass_fields__)
        assert set(device.recalled) <= known, device.id
        assert entry(device.id) == device
        assert lookup(device.id) == device


def test_vendors_are_not_only_one() -> None:
    assert {"NVIDIA", "AMD", "Apple", "Intel"} <= {device.vendor for device in DEVICES}
