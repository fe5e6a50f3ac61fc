"""``llmscale`` alone, and ``fits`` alone: this machine where it has a GPU, else three questions to ask."""

from __future__ import annotations

import shlex

import pytest

from llmscale.devices.detect import registry
from llmscale.devices.detect.interface import DetectedDevice
from llmscale.devices.detect.memory import HostMemory
from llmscale.devices.detect.registry import ThisMachine
from llmscale.units import GIB
from tests.helpers import good, run

RAM = HostMemory(32 * GIB, 20 * GIB, False)
CARD = DetectedDevice("NVIDIA GeForce RTX 3060", 12288 << 20, 12000 << 20)


def has(monkeypatch: pytest.MonkeyPatch, machine: ThisMachine) -> None:
    """Make this machine one like it."""
    for room in ("llmscale.answers.machine", "llmscale.answers.start", "llmscale.devices.detect.registry"):
        monkeypatch.setattr(f"{room}.machine", lambda: machine)
    assert registry.machine() is machine


@pytest.fixture
def with_card(monkeypatch: pytest.MonkeyPatch) -> None:
    has(monkeypatch, ThisMachine((CARD,), RAM, ()))


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> None:
    has(monkeypatch, ThisMachine((), RAM, ("llmscale[nvidia]",)))


@pytest.mark.usefixtures("with_card")
def test_alone_it_shows_this_machine_and_the_three_best_models() -> None:
    told = good("-o", "json").json()
    best = good("fits", "local", "-o", "json").json()["models"]
    assert [model["id"] for model in told["best"]["models"]] == [model["id"] for model in best[:3]]
    assert told["machine"]["devices"][0]["id"] == "rtx3060-12gb"
    shown = good().out.splitlines()
    assert shown[0] == "This machine: NVIDIA GeForce RTX 3060, 11.50 GiB usable, 32 GiB RAM."
    assert best[0]["id"] in shown[1]
    assert len(shown) <= 16
    assert f"llmscale explain {best[0]['quant']}" in shown[-1]


@pytest.mark.usefixtures("with_card")
def test_what_it_says_to_type_works() -> None:
    for line in good("-o", "json").json()["questions"].values():
        assert good(*shlex.split(line)[1:]).out


@pytest.mark.usefixtures("without")
def test_without_a_gpu_there_are_three_questions() -> None:
    shown = good().out.splitlines()
    assert shown[0] == "No GPU was found on this machine (32 GiB RAM). Three questions to ask:"
    assert shown[1] == "pip install 'llmscale[nvidia]' to see this machine's NVIDIA cards."
    assert len(shown) == 5
    for line in shown[2:]:
        assert good(*shlex.split(line[line.index("llmscale") :])[1:]).out


@pytest.mark.parametrize("spelt", [["--lang", "zh"], ["--lang=zh"], ["--no-color", "--lang", "zh"]])
@pytest.mark.usefixtures("without")
def test_alone_it_takes_options_of_output(spelt: list[str]) -> None:
    assert good(*spelt).out.startswith("本机未找到 GPU(内存 32 GiB)")
    assert good(*spelt, "params", "gpt2").out == good("params", "gpt2", "--lang", "zh").out


def test_an_option_without_its_value_is_refused() -> None:
    assert run("--width").status == 2


@pytest.mark.usefixtures("with_card")
def test_fits_alone_is_about_this_machine() -> None:
    assert good("fits", "-o", "json").json() == good("fits", "local", "-o", "json").json()
    assert "devices" in good("fits", "-m", "gpt2", "-o", "json").json()


@pytest.mark.usefixtures("without")
def test_fits_alone_without_a_gpu_shows_three_sizes_and_what_to_ask() -> None:
    told = good("fits", "-o", "json").json()
    assert [len(one["models"]) for one in told["devices"]] == [4, 4, 4]
    shown = good("fits").out.splitlines()
    first = told["devices"][0]["models"][0]
    assert shown[0].startswith(f"Best on a card of 12 GiB: {first['id']} in {first['quant'].upper()}; 16 GiB: ")
    assert sum(line.startswith(("12 GiB", "16 GiB", "24 GiB")) for line in shown) == 12
    assert "llmscale needs" in shown[-1]
    assert len(shown) <= 24
    assert "Nothing fits" in good("fits", "-m", "deepseek-v3", "-q", "q8_0").out
