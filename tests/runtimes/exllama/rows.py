"""The rows of `tests/truth/exllama.json`, with what llmscale answers to each.

Shared by the tests and by `benchmarks/accuracy`.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from llmscale.answers.estimate import estimate
from llmscale.formats.catalogue import quant as find_quant
from llmscale.formats.weights import assign_formats
from llmscale.model.inventory import inventory
from llmscale.sources.registry import load
from tests.helpers import TRUTH

ROWS: list[dict[str, Any]] = json.loads((TRUTH / "exllama.json").read_text(encoding="utf-8"))["rows"]


def used(row: dict[str, Any]) -> int:
    """Bytes on the device, through the public interface."""
    (line,) = estimate(
        row["catalogue"],
        (row["quant"],),
        context=row["context"],
        kv_dtype=row["kv_dtype"],
        runtime="exllama",
        gpus=("rtx4090",),
    ).estimates
    (device,) = line.devices
    return device.used_bytes - (towers(row) if row.get("text_only") else 0)


def towers(row: dict[str, Any]) -> int:
    """Bytes of the vision tower and its projector."""
    spec, quant = load(row["catalogue"]).known(), find_quant(row["quant"])
    text = replace(spec, placed=tuple(part for part in spec.placed if part.tower is None))
    whole, alone = (sum(each.bytes for each in assign_formats(quant, one, inventory(one))) for one in (spec, text))
    return whole - alone
