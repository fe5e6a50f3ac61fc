"""Runtimes on devices that they are not modelled on: said, never answered."""

from __future__ import annotations

import pytest

from llmscale import estimate, fits, needs
from llmscale.devices.sets import device_set
from llmscale.errors import UsageError
from llmscale.runtimes import NAMES
from llmscale.runtimes.hardware import VENDORS, unmodelled
from llmscale.store.tables import table


def test_every_runtime_has_vendors_and_each_of_them_makes_a_device() -> None:
    assert set(VENDORS) == set(NAMES)
    made = {entry["vendor"] for entry in table("devices")["entries"].values()}
    assert {vendor for vendors in VENDORS.values() for vendor in vendors} <= made


@pytest.mark.parametrize(
    ("runtime", "device"),
    [
        ("vllm", "m4-max"),
        ("sglang", "m4-max"),
        ("mlx", "rtx4090"),
        ("exllama", "m4-max"),
        ("llama.cpp", "tpu-v5e"),
        ("llama.cpp", "gaudi2"),
        ("vllm", "rtx4090 + m4-max"),
    ],
)
def test_what_is_not_modelled_is_said_so(runtime: str, device: str) -> None:
    told = unmodelled(runtime, device_set(device))
    assert told is not None
    assert told.startswith(f"{runtime} on ")


@pytest.mark.parametrize("runtime", NAMES)
def test_a_bare_size_may_be_of_anybodys(runtime: str) -> None:
    assert unmodelled(runtime, device_set("24GiB")) is None


def test_an_estimate_keeps_the_memory_and_leaves_the_device_out() -> None:
    answer = estimate("llama-3.1-8b", ["q4_k_m", "awq"], gpus=["m4-max"])
    ours, foreign = answer.estimates
    assert [device.id for device in ours.devices] == ["m4-max"]
    assert foreign.devices == ()
    assert foreign.weights_bytes > 0
    assert any(warning.startswith("vllm on m4-max is not modelled") for warning in answer.warnings)
    assert not any("a general rule stands for it" in warning for warning in answer.warnings)


def test_nothing_is_answered_where_nothing_is_modelled() -> None:
    with pytest.raises(UsageError, match="vllm on m4-max is not modelled"):
        estimate("llama-3.1-8b", ["awq"], gpus=["m4-max"])
    with pytest.raises(UsageError, match=r"llama\.cpp on tpu-v5e is not modelled"):
        fits("tpu-v5e")
    with pytest.raises(UsageError, match="vllm on m4-max is not modelled"):
        fits("m4-max", ["llama-3.1-8b"], runtime="vllm")


def test_needs_names_only_devices_that_the_runtime_is_modelled_on() -> None:
    entries = table("devices")["entries"]
    answer = needs("llama-3.1-8b", runtime="vllm", quants=["awq"], everything=True)
    vendors = {entries[device.id]["vendor"] for device in answer.devices}
    assert {"NVIDIA", "AMD"} <= vendors <= set(VENDORS["vllm"])
    assert not any(device.id.startswith("gaudi") for device in answer.devices)
