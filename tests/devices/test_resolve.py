"""Devices as tools print them and people write them, and that none is silently the largest of several."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmscale.devices.device import entries
from llmscale.devices.sets import device_set
from llmscale.errors import LlmscaleError
from llmscale.units import GIB
from tests.helpers import TRUTH, good

NAMES = json.loads((Path(TRUTH) / "names.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("row", NAMES["devices"], ids=lambda row: row["typed"])
def test_what_is_written_is_that_device(row: dict[str, Any]) -> None:
    found = device_set(row["typed"])
    assert (found.id, found.count) == (row["device"], row["count"])
    # Drivers report up to 7 % less than a card is sold with (ECC).
    assert found.each / GIB == pytest.approx(row["gib"], rel=0.07)


@pytest.mark.parametrize("typed", NAMES["no_devices"])
def test_what_may_be_several_or_none_is_refused(typed: str) -> None:
    with pytest.raises(LlmscaleError):
        device_set(typed)


@pytest.mark.parametrize("device", [one for one in entries() if one.memory_options_gib], ids=lambda one: one.id)
def test_a_machine_of_several_sizes_is_the_smallest_and_that_is_said(device: Any) -> None:
    found = device_set(device.id)
    assert found.each == min(device.memory_options_gib) * GIB
    assert found.notes[0].code == "smallest_memory"
    largest = max(device.memory_options_gib)
    assert device_set(f"{device.id}:{largest:g}GB").each == largest * GIB


@pytest.mark.parametrize("typed", ["rtx 5060 ti", "NVIDIA GeForce RTX 4060 Ti", "rx 9060 xt", "a100"])
def test_a_card_of_several_sizes_is_the_smallest_and_that_is_said(typed: str) -> None:
    found = device_set(typed)
    assert [told.code for told in found.notes] == ["smallest_taken"]
    others = found.notes[0].values["others"]
    assert others
    assert all(device_set(other).each > found.each for other in others)
    assert "is sold in several sizes" in good("fits", typed, "llama-3.1-8b").out


def test_memory_that_its_owner_sets_aside_may_all_be_used() -> None:
    assert device_set("strix halo:96GB").total_usable == 96 * GIB
    assert device_set("Framework Desktop 128GB").total_usable == 64 * GIB


def test_bare_gigabytes_are_the_card_that_is_sold_so() -> None:
    assert device_set("24GB").memory == 24 * GIB
    assert "holds 24 GiB" in good("fits", "24GB", "llama-3.1-8b").out


@given(st.text(max_size=120))
def test_any_text_is_a_device_or_one_clear_error(text: str) -> None:
    with contextlib.suppress(LlmscaleError):
        device_set(text)
