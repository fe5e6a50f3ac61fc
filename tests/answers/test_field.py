"""What people reported of servers and local runs, asked as they would: tests/truth/field.json, row by row."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest

from tests.helpers import TRUTH, good

ROWS = json.loads((TRUTH / "field.json").read_text())["rows"]
#: Where the JSON of an estimate has a figure of the whole model.
WHOLE = {"cache": "kv_cache_bytes", "file": "weights_bytes"}


def said(row: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = good(*shlex.split(row["command"]), "-o", "json").json()
    return answer


def asked(row: dict[str, Any]) -> dict[str, Any]:
    line: dict[str, Any] = said(row)["estimates"][0]
    return line


def figure(row: dict[str, Any], line: dict[str, Any]) -> float:
    kind = row["figure"]
    if kind in WHOLE:
        return float(line[WHOLE[kind]])
    if kind == "compute" and not line["devices"]:
        return float(line["compute_bytes"])
    device = line["devices"][0]
    if kind == "tokens":
        return float(device["kv_cache_tokens"])
    if kind == "pool":
        return float(device["kv_cache_bytes"])
    if kind == "requests":
        return float(device["max_concurrency"])
    first = device["per_device"][0]
    return float(first["usable_bytes"] if kind == "budget" else first["parts"][kind])


def of(*kinds: str) -> Any:
    rows = [row for row in ROWS if row["figure"] in kinds]
    return pytest.mark.parametrize("row", rows, ids=lambda row: f"{row['id']}-{row['figure']}")


@of("verdict")
def test_what_ran_runs_and_what_did_not_is_no_yes(row: dict[str, Any]) -> None:
    line = asked(row)
    device = line["devices"][0]
    said = "yes" if device["fits"] else "not yes" if device["may_fit"] else "no"
    assert said == row["value"]


@of("weights", "cache", "file", "compute", "budget", "tokens", "pool", "requests")
def test_a_figure_is_the_reported_one(row: dict[str, Any]) -> None:
    assert figure(row, asked(row)) == pytest.approx(row["value"], rel=row["within"] or 1e-9)


@of("held")
def test_tokens_lie_between_the_ends_of_a_cache_on_memory_that_is_the_systems_too(row: dict[str, Any]) -> None:
    (told,) = (one["values"] for one in said(row)["notes"] if one["code"] == "system_takes")
    assert told["fewest"] <= row["value"] <= told["most"]


@of("speed")
def test_a_speed_lies_in_the_range(row: dict[str, Any]) -> None:
    low, high = asked(row)["devices"][0]["tokens_per_second_range"]
    assert low <= row["value"] <= high
