"""Buffers of starts that people published, asked as they would: tests/truth/llamacpp_starts.json, row by row."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest

from llmscale.units import MIB
from tests.helpers import TRUTH, good

ROWS = json.loads((TRUTH / "llamacpp_starts.json").read_text())["rows"]
PARTS = {"cache": "kv_cache"}
#: MiB that a printed buffer may be off by its rounding, and a sum of several.
ROUNDED, SUMMED = 0.011, 0.09


def figure(found: dict[str, Any], device: dict[str, Any]) -> float:
    kind = found["figure"]
    if kind == "host":
        return float(device["host_bytes"]) / MIB
    sizes = [one["parts"].get(PARTS.get(kind, kind), 0) / MIB for one in device["per_device"]]
    return float(sum(sizes) if found["device"] is None else sizes[found["device"]])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_each_buffer_is_the_printed_one(row: dict[str, Any]) -> None:
    (device,) = good(*shlex.split(row["command"]), "-o", "json").json()["estimates"][0]["devices"]
    for found in row["figures"]:
        rounding = SUMMED if found["device"] is None else ROUNDED
        share = found.get("within", abs(found["off"]) + 0.001 if "off" in found else 0)
        assert figure(found, device) == pytest.approx(found["mib"], rel=share, abs=rounding), found


def test_nine_of_ten_figures_are_met() -> None:
    every = [found for row in ROWS for found in row["figures"]]
    assert len(ROWS) >= 50
    assert sum("off" not in found for found in every) >= 0.9 * len(every)
