"""``cpu`` as a device: llama.cpp on a processor with its RAM, through the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmscale.devices.detect.ram_speed import by_sticks, measured, ram_bandwidth
from llmscale.units import GIB, MIB
from tests.helpers import TRUTH, run


def line(*arguments: str) -> dict[str, object]:
    answer = run("estimate", *arguments, "-o", "json")
    assert answer.status == 0, answer.err
    estimate = answer.json()["estimates"][0]
    found: dict[str, object] = estimate["devices"][0]
    return found


def test_all_of_it_lies_in_ram() -> None:
    found = line("llama-3.1-8b", "-q", "q4_k_m", "--gpu", "cpu", "--ram", "64GB")
    assert found["memory_bytes"] == 64 * GIB  # sticks of 64 GB hold 64 GiB
    assert (found["fits"], found["gpu_layers"], found["host_bytes"]) == (True, 0, 0)
    (usage,) = found["per_device"]  # type: ignore[misc]
    assert usage["usable_bytes"] == usage["used_bytes"] + usage["free_bytes"]
    assert sum(usage["parts"].values()) == usage["used_bytes"]
    assert usage["parts"]["kv_cache"] == 512 * MIB
    # No process of CUDA's.
    assert "overhead" not in usage["parts"]


def test_what_llama_cpp_s_cpu_backend_reserves() -> None:
    """The record was made with that backend; `cpu` is the same question."""
    given_rows = json.loads((TRUTH / "llamacpp_measured.json").read_text(encoding="utf-8"))
    assert "CPU" in given_rows["source"]
    found = line("qwen3-4b", "-q", "q4_k_m", "-c", "8192", "--gpu", "cpu:32GB")
    parts = found["per_device"][0]["parts"]  # type: ignore[index]
    assert parts["kv_cache"] == 1152 * MIB
    # The file's tensors once: what a GPU's log splits into 2375.91 MiB there and 304.28 MiB in RAM, which is the
    # embedding, and here, where both are one place, is not held twice.
    assert parts["weights"] == pytest.approx(2375.91 * MIB, abs=0.01 * MIB)


@pytest.mark.parametrize("spelling", [["cpu:64GB"], ["CPU 64GB"], ["cpu + 64GB ram"], ["cpu", "--ram", "64GB"]])
def test_spellings(spelling: list[str]) -> None:
    answer = run("fits", *spelling[:1], "qwen3-8b", *spelling[1:], "-o", "json")
    device = answer.json()["device"]
    assert (device["id"], device["memory_bytes"]) == ("cpu", 64 * GIB)
    assert device["usable_bytes"] == 64 * GIB - GIB // 2
    kept = run("fits", *spelling[:1], "qwen3-8b", *spelling[1:], "--reserve", "4GiB", "-o", "json").json()["device"]
    assert kept["usable_bytes"] == 60 * GIB


def test_the_speed_follows_from_that_of_the_ram() -> None:
    common = ["qwen3-8b", "-q", "q4_k_m", "--gpu", "cpu:64GB"]
    assert line(*common)["tokens_per_second"] is None
    slow = line(*common, "--ram-bandwidth", "40GB/s")["tokens_per_second"]
    fast = line(*common, "--ram-bandwidth", "80GB/s")["tokens_per_second"]
    assert isinstance(slow, float)
    assert isinstance(fast, float)
    assert 1 < slow < fast < 2 * slow + 1


def test_fits_screens_as_it_places() -> None:
    answer = run("fits", "cpu:16GB", "--all", "-o", "json").json()
    assert len(answer["models"]) > 100
    for model in answer["models"][:5]:
        found = line(model["id"], "-q", model["quant"], "--gpu", "cpu:16GB")
        assert (found["used_bytes"], found["fits"]) == (model["used_bytes"], True), model["id"]


def test_nothing_too_large_is_said_to_fit() -> None:
    found = line("llama-3.1-70b", "-q", "q8_0", "--gpu", "cpu:64GB")
    assert found["fits"] is False
    assert line("llama-3.1-70b", "-q", "q8_0", "--gpu", "cpu:128GB")["fits"] is True


@pytest.mark.parametrize(
    "runtime",
    ["vllm", "sglang", "lmdeploy", "tensorrt-llm", "mlx", "transformers", "exllama", "ollama"],
)
def test_a_runtime_that_is_not_modelled_there_says_so(runtime: str) -> None:
    answer = run("estimate", "qwen3-8b", "--gpu", "cpu:64GB", "--runtime", runtime)
    assert answer.status == 2
    assert "processor" in answer.err


def test_the_command_puts_no_layer_on_a_gpu() -> None:
    out = run("estimate", "qwen3-8b", "-q", "q4_k_m", "--gpu", "cpu:64GB", "--command").out
    assert "-ngl 0" in out


def test_explain_says_nothing_of_a_gpu() -> None:
    out = run("estimate", "qwen3-8b", "-q", "q4_k_m", "--gpu", "cpu:64GB", "--explain").out
    assert "not measured, and is not counted" in out
    assert "NVIDIA" not in out


@pytest.mark.parametrize("bad", ["cpu:0GB", "cpu:lots", "cpu:64"])
def test_ram_that_cannot_be_meant(bad: str) -> None:
    assert run("estimate", "qwen3-8b", "--gpu", bad).status in (2, 3)


def stick(locator: str, bank: str, rate: int, size: int = 16384, width: int = 64) -> bytes:
    """Structure type 17 of SMBIOS 2.7, 34 bytes, with two texts."""
    fixed = bytearray(34)
    fixed[0], fixed[1] = 17, 34
    for at, value in ((0x08, width + 8), (0x0A, width), (0x0C, size), (0x15, rate), (0x20, rate)):
        fixed[at : at + 2] = value.to_bytes(2, "little")
    fixed[0x10], fixed[0x11] = 1, 2
    return bytes(fixed) + locator.encode() + b"\0" + bank.encode() + b"\0\0"


END = bytes([127, 4, 0, 0]) + b"\0\0"


def test_sticks_by_their_channels(tmp_path: Path) -> None:
    two = stick("DIMM 0", "P0 CHANNEL A", 5600) + stick("DIMM 0", "P0 CHANNEL B", 5600) + END
    assert by_sticks(two) == 2 * 5600 * 10**6 * 8
    # A second stick in a channel makes it no faster, an empty slot none.
    four = stick("DIMM 1", "P0 CHANNEL A", 5600) + stick("DIMM 1", "P0 CHANNEL B", 5600, size=0) + two
    assert by_sticks(four) == by_sticks(two)
    table = tmp_path / "DMI"
    table.write_bytes(two)
    assert ram_bandwidth(str(table)) == 89_600_000_000


def test_where_no_channel_is_named_nothing_is_told_by_the_table() -> None:
    assert by_sticks(stick("RAM slot", "bank", 5600) + END) is None
    assert by_sticks(b"") is None


@given(st.binary(max_size=400))
def test_any_table(raw: bytes) -> None:
    assert by_sticks(raw) is None or by_sticks(raw)


def test_a_measurement_is_of_some_ram() -> None:
    found = measured()
    assert found is not None
    assert 10**8 < found < 10**13
