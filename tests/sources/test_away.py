"""A GGUF file that is not on this disk, and what a server may be asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmscale.answers.question import named_devices, named_ram
from llmscale.errors import InputFileError, UsageError
from llmscale.sources import registry
from llmscale.sources.interface import Loaded
from llmscale.sources.registry import HARMLESS, load
from tests.helpers import run


@pytest.mark.parametrize("folder", ["/models/", "./", "~/", "", "some/where/"])
def test_a_file_that_is_not_here_is_the_catalogue_s_model_of_that_name(folder: str) -> None:
    found = load(f"{folder}Qwen3-14B-Q4_K_M.gguf")
    assert isinstance(found, Loaded)
    assert (found.spec.id, found.quant, found.stored) == ("qwen3-14b", "q4_k_m", None)


def test_which_is_said() -> None:
    assert "no such file on this disk" in run("params", "/models/Qwen3-14B-Q4_K_M.gguf").out


def test_one_that_nobody_knows_is_missing() -> None:
    with pytest.raises(InputFileError, match="No such file"):
        load("./nobody-knows-this.gguf")


def test_one_that_is_here_and_is_none_is_no_other_model(tmp_path: Path) -> None:
    path = tmp_path / "Qwen3-14B-Q4_K_M.gguf"
    path.write_bytes(b"not GGUF")
    with pytest.raises(InputFileError):
        load(str(path))


@pytest.mark.parametrize("name", ["local", "LOCAL", "cpu", " CPU "])
def test_a_server_tells_nothing_of_its_machine(name: str) -> None:
    token = registry.only.set(HARMLESS)
    try:
        with pytest.raises(UsageError, match="machine that it runs on"):
            named_devices([name])
        assert "ram_bandwidth" not in named_ram([name], None)
        assert named_devices(["cpu:64GB"])[0].id == "cpu"
    finally:
        registry.only.reset(token)


def test_a_server_opens_no_file(tmp_path: Path) -> None:
    path = tmp_path / "Qwen3-14B-Q4_K_M.gguf"
    path.write_bytes(b"GGUF")
    token = registry.only.set(HARMLESS)
    try:
        found = load(str(path))
    finally:
        registry.only.reset(token)
    # The name alone is looked at.
    assert isinstance(found, Loaded)
    assert (found.spec.id, found.stored) == ("qwen3-14b", None)
