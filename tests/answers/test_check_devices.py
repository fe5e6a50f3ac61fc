"""``devices check`` and ``devices show``: what is known of a device, and what is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmscale.answers.check import check_devices
from llmscale.answers.lists import show_device
from llmscale.devices.device import entries
from llmscale.devices.missing import missing
from tests.helpers import good, run

MINE = """my-card:
  name: My Card
  vendor: AMD
  kind: consumer
  released: 2025
  memory_gib: 16
  source: its box
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(MINE, encoding="utf-8")
    return path


def test_every_shipped_device_that_lacks_something_is_told() -> None:
    result = check_devices()
    devices = list(entries())
    assert result.checked == len(devices)
    assert {line.id for line in result.devices if line.missing} == {d.id for d in devices if missing(d)}
    assert {line.id for line in result.devices if line.recalled} == {d.id for d in devices if d.recalled}
    assert result.incomplete == sum(bool(missing(device)) for device in devices)


def test_a_file_of_one_s_own_is_told_what_it_lacks(mine: Path) -> None:
    result = check_devices(str(mine))
    (line,) = result.devices
    assert (result.checked, result.incomplete, result.file) == (1, 1, str(mine))
    assert line.id == "my-card"
    assert {"memory_kind", "generation", "link"} <= set(line.missing)
    answer = good("devices", "check", str(mine))
    assert "memory_kind" in answer.out
    assert "1 device checked" in answer.out


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("  memory_kind: GDDR66\n", "my-card: memory_kind: Input should be"),
        ("  link: {kind: bridged}\n", "my-card: link.kind: Input should be"),
        ("  link: {kind: pcie, lane: 16}\n", "my-card: link.lane: no such field"),
        ("  link: {kind: switch, gb_s: -1}\n", "my-card: link.gb_s: -1 does not lie above 0"),
        ("  link: {kind: switch, gb_s: .inf}\n", "my-card: link.gb_s: inf does not lie above 0"),
        ("  threads_per_sm: 0\n", "my-card: threads_per_sm: 0 does not lie above 0"),
    ],
)
def test_what_does_not_fit_is_refused_by_line(mine: Path, line: str, said: str) -> None:
    mine.write_text(MINE + line, encoding="utf-8")
    answer = run("devices", "check", str(mine))
    assert answer.status == 4
    assert f"line 8: {said}" in answer.err


def test_a_file_that_is_not_there_is_refused() -> None:
    assert run("devices", "check", "no-such-file.yaml").status == 4


def test_show_prints_what_links_several() -> None:
    shown = {name: good("devices", "show", name, "--width", "200").out for name in ("h100", "h100-pcie", "mi250")}
    assert "NVLink through a switch, 450 GB/s one way" in shown["h100"]
    assert "PCI Express 5.0 x16, 64 GB/s one way; with a bridge, sold apart, 300 GB/s one way" in shown["h100-pcie"]
    assert "Infinity Fabric, speed unknown" in shown["mi250"]
    assert "HBM3" in shown["h100"]
    assert "Hopper" in shown["h100"]
    assert "nothing within one machine" in good("devices", "show", "m4-max").out
    assert "NVLink bridge to 3 others" in good("devices", "show", "h200-nvl", "--width", "200").out


def test_json_has_the_fields() -> None:
    (line,) = show_device("rtx3090").devices
    assert (line.memory_kind, line.generation, line.threads_per_sm) == ("GDDR6X", "Ampere", 1536)
    assert line.link is not None
    assert (line.link.kind, line.link.slot_gb_s, line.link.bridge_gb_s) == ("pcie", 32.0, 56.25)
    answer = good("devices", "show", "rtx3090", "-o", "json").json()["devices"][0]
    assert answer["link"]["lanes"] == 16


@pytest.mark.parametrize(
    ("typed", "name"), [("Framework Desktop 128GB", "Strix Halo"), ("ROG Ally", "Radeon 780M"), ("h100", "H100")]
)
def test_show_takes_what_people_sit_at(typed: str, name: str) -> None:
    assert name in good("devices", "show", typed).out


@pytest.mark.parametrize("typed", ["rtx4090 + rtx3090", "24GB", "no such thing"])
def test_show_shows_one_device(typed: str) -> None:
    answer = run("devices", "show", typed)
    assert answer.status == 3
    assert f"There is no device called '{typed}'." in answer.err
