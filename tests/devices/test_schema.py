"""What `data/devices.yaml` may say."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.store.a_checkout import DEVICE, compile_table, refusal


def test_every_spelling_of_a_name_leads_to_its_device(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(DEVICE.format(id="Some-Card") + "  aliases: [the one]\n", encoding="utf-8")
    compiled = compile_table("devices", path)
    assert compiled["names"] == {"somecard": ["Some-Card"], "somecardcard": ["Some-Card"], "theone": ["Some-Card"]}
    assert compiled["entries"]["Some-Card"]["memory_gib"] == 8


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("  bandwith_gb_s: 1008\n", "bandwith_gb_s"),
        ("  power_w: -450\n", "power_w"),
        ("  price_usd: .nan\n", "price_usd"),
        ("  gpu_share: 3\n", "gpu_share"),
    ],
)
def test_a_field_that_is_misspelt_or_out_of_bounds_is_named(tmp_path: Path, line: str, field: str) -> None:
    assert f"x: {field}: " in refusal(tmp_path, "devices", DEVICE.format(id="x") + line)
