"""The rows of `tests/truth/sglang.json`, with what the model of SGLang's memory makes of each.

Shared by the tests and by `benchmarks/accuracy`.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from llmscale.devices.sets import device_set
from llmscale.formats.select import selected
from llmscale.model.spec import ModelSpec
from llmscale.runtimes.parallel.planes import planes_of
from llmscale.runtimes.parallel.shards import PlaneBytes
from llmscale.runtimes.sglang.loaded import loaded_bytes
from llmscale.runtimes.sglang.pools import Cells, cells
from llmscale.runtimes.sglang.startup import SglangSettings, Started, start
from llmscale.sources import load
from llmscale.units import GIB
from tests.helpers import TRUTH

ROWS: list[dict[str, Any]] = json.loads((TRUTH / "sglang.json").read_text(encoding="utf-8"))["rows"]


@cache
def model(name: str) -> ModelSpec:
    return load(name).known()


def sizes(row: dict[str, Any]) -> PlaneBytes:
    ((quant,), _) = selected([row["quant"]], None, None)
    return planes_of(quant)


def kv_bytes(row: dict[str, Any]) -> int:
    return 1 if row.get("kv_dtype") == "fp8" else 2


def cell(row: dict[str, Any]) -> Cells:
    found = cells(model(row["catalogue"]), row["tp"], kv_bytes(row))
    assert found is not None
    return found


def loaded(row: dict[str, Any]) -> int:
    return loaded_bytes(model(row["catalogue"]), sizes(row), row["tp"])


def started(row: dict[str, Any]) -> Started:
    """The start with the row's share, from the free memory that it prints, else from its device."""
    device = device_set(row.get("device", "h100"))
    free = row.get("free_before_gib")
    visible = int(row["gpu_total_gib"] * GIB) if row.get("gpu_total_gib") else device.visible
    settings = SglangSettings(
        row.get("context_len") or 4096,
        row["tp"],
        row["fraction"],
        kv_bytes=kv_bytes(row),
        nvlink=bool(row.get("device")),
    )
    spec = model(row["catalogue"])
    return start(spec, sizes(row), device.each, visible, settings, None if free is None else int(free * GIB))


def named(row: dict[str, Any]) -> str:
    when = row.get("version") or row.get("date") or "?"
    return f"{row['catalogue']} {row['quant']} SGLang {when} {row['gpu']}, tp {row['tp']}"
