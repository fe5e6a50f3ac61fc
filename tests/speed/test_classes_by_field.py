"""Classes of devices are functions of their fields, and those that the factors were fitted on."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from llmscale.devices.device import entries, entry
from llmscale.speed.classes import compute_class, device_class
from llmscale.speed.table import setup

DATA = Path(__file__).parents[2] / "data" / "speed.yaml"


@cache
def fitted() -> dict[str, Any]:
    return yaml.safe_load(DATA.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def test_a_device_is_of_the_class_that_its_rows_were_fitted_in() -> None:
    checked = 0
    for classes in fitted()["runtimes"].values():
        for name, found in classes.items():
            for device in found.get("devices", {}) if name not in ("any", "cpu") else ():
                assert device_class(entry(device)) == name, device
                checked += 1
    assert checked > 50


def test_a_device_is_of_the_class_that_its_prompts_were_fitted_in() -> None:
    checked = 0
    for classes in fitted()["prefill"].values():
        for name, found in classes.items():
            for device in found["devices"]:
                assert compute_class(entry(device)) == name, device
                checked += 1
    assert checked > 50


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "nvidia-gddr"),
        ({"memory_kind": "HBM3"}, "nvidia-hbm"),
        ({"memory_kind": None}, "nvidia-gddr"),
        ({"kind": "unified"}, "nvidia-unified"),
        ({"vendor": "AMD", "memory_kind": "HBM3"}, "amd"),
        ({"id": "h100"}, "nvidia-gddr"),
    ],
)
def test_fields_make_the_class_and_the_name_does_not(changes: dict[str, Any], expected: str) -> None:
    assert device_class(replace(entry("rtx4090"), **changes)) == expected


def test_a_runtime_is_for_vendors() -> None:
    for device in entries():
        if device.bandwidth_gb_s and device.fp32_tflops:
            assert (setup(fitted(), "mlx", device, "4bit") is not None) == (device.vendor == "Apple"), device.id
            assert (setup(fitted(), "vllm", device, "awq") is not None) == (device.vendor in ("NVIDIA", "AMD"))
