"""What users name as their hardware, and how much of its memory a model may take."""

from __future__ import annotations

import pytest

from llmscale.devices.device import entries
from llmscale.devices.sets import MAX_COUNT, RESERVE, counted, device_set
from llmscale.errors import NotFoundError, UsageError
from llmscale.units import GIB

DEVICES = list(entries())


def test_a_reserve_is_kept_on_each_device() -> None:
    one, two = device_set("rtx4090"), device_set("2x rtx4090")
    assert one.total_usable == one.memory - RESERVE
    assert two.memory == 2 * one.memory
    assert two.total_usable == 2 * one.total_usable
    assert device_set("rtx4090", 0).total_usable == one.memory
    assert device_set("2x rtx4090", GIB).total_usable == 2 * (one.memory - GIB)
    assert (two.id, two.count) == ("rtx4090", 2)


@pytest.mark.parametrize("text", ["2x rtx3090", "2xrtx3090", "2 X RTX 3090", "2×rtx3090", "2*rtx-3090"])
def test_several_of_a_kind(text: str) -> None:
    found = device_set(text)
    assert (found.id, found.count) == ("rtx3090", 2)


@pytest.mark.parametrize(
    ("text", "memory", "count"),
    [
        ("24GiB", 24 * GIB, 1),
        ("24GB", 24 * GIB, 1),
        ("24 GB", 24 * GIB, 1),
        ("2x 24GiB", 48 * GIB, 2),
        ("1.5TiB", 3 << 39, 1),
        ("rtx4090:20GB", 20 * 10**9, 1),
        ("2x rtx4090:20GiB", 40 * GIB, 2),
    ],
)
def test_memory_by_itself_or_of_a_device(text: str, memory: int, count: int) -> None:
    found = device_set(text)
    assert (found.memory, found.count) == (memory, count)
    assert found.total_usable == memory - count * RESERVE


def test_unlike_devices_side_by_side() -> None:
    found = device_set("2x rtx3090 + rtx4090", GIB)
    large, small = device_set("rtx4090", GIB), device_set("rtx3090", GIB)
    assert (found.id, found.count) == ("2x rtx3090 + rtx4090", 3)
    assert found.name == "2x GeForce RTX 3090 + GeForce RTX 4090"
    assert found.memory == 2 * small.memory + large.memory
    assert found.budgets == (small.usable, small.usable, large.usable)
    assert found.total_usable == sum(found.budgets)
    assert found.usable == min(small.usable, large.usable)
    assert counted(found.id, found.count) == found.id
    assert counted("rtx3090", 2) == "2x rtx3090"


def test_devices_that_are_alike_are_counted_however_they_are_written() -> None:
    found = device_set("rtx4090 + 24GiB + RTX 4090")
    assert (found.id, found.budgets) == ("2x rtx4090 + 24gib", (*device_set("2x rtx4090").budgets, 24 * GIB - RESERVE))
    again = device_set("rtx4090 + rtx-4090")
    assert (again.id, again.count, again.members) == ("rtx4090", 2, ())
    # Of other memory it is another device.
    assert device_set("rtx4090 + rtx4090:20GB").count == 2
    assert device_set("rtx4090 + rtx4090:20GB").usable == device_set("rtx4090:20GB").usable


def test_a_plus_within_a_name_is_no_and() -> None:
    assert device_set("Ryzen AI Max+ 395").id == "ryzen-ai-max-395"
    assert device_set("Ryzen AI Max+ 395 + rtx4090").id == "ryzen-ai-max-395 + rtx4090"


def test_unified_memory_gives_the_gpu_its_share_and_reserves_nothing_more() -> None:
    unified = [device for device in DEVICES if device.gpu_share]
    assert unified
    for device in unified:
        found = device_set(device.id)
        assert found.total_usable == int(found.memory * (device.share(found.memory) or 0)) < device.memory
        assert device_set(device.id, GIB).total_usable == found.total_usable - GIB


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("0x rtx4090", "names 0 devices"),
        (f"{MAX_COUNT + 1}x rtx4090", "names 1025 devices"),
        ("99999999999999999999x rtx4090", "devices"),
        ("2x ", "No device is named"),
        ("", "No device is named"),
        ("rtx4090:99GB", "asks for more than"),
        ("rtx4090:20", "'20' is not a memory size"),
        ("rtx4090:0GB", "more than zero"),
        ("0GB", "more than zero"),
        ("0.4GiB", "leaves nothing"),
        ("rtx4090 +", "No device is named"),
        ("+ rtx4090", "No device is named"),
        ("rtx4090 + + rtx3090", "No device is named"),
        (" + ", "No device is named"),
        ("rtx4090 + 0x rtx3090", "names 0 devices"),
        ("rtx4090 + rtx3090:99GB", "asks for more than"),
        ("rtx4090 + 0.4GiB", "leaves nothing"),
        (f"rtx4090 + {MAX_COUNT}x rtx3090", "names 1025 devices"),
        (" + ".join(["rtx4090"] * (MAX_COUNT + 1)), "names 1,025 devices"),
    ],
)
def test_what_cannot_be_meant(text: str, word: str) -> None:
    with pytest.raises(UsageError, match=word):
        device_set(text)


def test_a_reserve_larger_than_the_device() -> None:
    with pytest.raises(UsageError, match="leaves nothing of 'rtx4090'") as caught:
        device_set("rtx4090", 99 * GIB)
    assert "--reserve" in caught.value.hint


@pytest.mark.parametrize("text", ["2x", "rtx9999", "2x nosuch", "nosuch:20GB", "rtx4090 + nosuch", "24", "🙂"])
def test_what_nobody_knows(text: str) -> None:
    with pytest.raises(NotFoundError, match="no device called"):
        device_set(text)


def test_unified_memory_is_named_as_it_is_sold_and_shared_with_the_processor() -> None:
    sold = device_set("m4-max:64GB")
    assert (sold.memory, sold.total_usable) == (64 * GIB, int(64 * GIB * 0.83))
    assert device_set("m4-max:50GB").memory == 50 * 10**9
    assert device_set("rtx4090:20GB").memory == 20 * 10**9
