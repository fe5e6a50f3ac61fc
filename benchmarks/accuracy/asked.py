"""Published figures of transformers, asked as a user asks: by the options that there are, with nothing added.

What older releases and their loaders did otherwise (`benchmarks.accuracy.transformers` adds it, to see whether the
mechanism is understood) cannot be said with an option, so it counts as error here, and this is what the bound of an
estimate comes from. A row says how long prompt and answer were, and one asks for both together; where it does not, for
the answer. Figures read while decoding are none of an estimate's, which gives the peak.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from benchmarks.accuracy.rows import Comparison, Row
from benchmarks.accuracy.transformers import FIRST, OLDER, QUANTS, TRUTH
from llmscale import estimate
from llmscale.units import GIB

ASKED = "transformers peak, as asked"
SOURCE = (
    "Published by Qwen, GPU memory of torch's allocator: `tests/truth/transformers_memory.json`. GiB with two "
    "decimals; figures of several GPUs are sums. Asked by model, quant, context, sequences and devices through the "
    "public API: weights, KV cache and compute."
)
BEFORE = "a release before 4.45, which kept FP32 logits of the whole prompt and the whole cache twice; marked when seen"
PARTS = ("weights", "kv_cache", "state", "compute")


def comparisons() -> Iterator[Comparison]:
    """The rows that print a peak."""
    rows = json.loads((TRUTH / "transformers_memory.json").read_text(encoding="utf-8"))["rows"]
    yield Comparison(ASKED, SOURCE, [_row(row) for row in rows if "mem_gb" in row], ("transformers", "allocated"))


def _row(row: dict[str, Any]) -> Row:
    model, devices = row["model"].removesuffix(f"-{row['quant']}"), row.get("gpus") or 1
    context = row.get("input_len", 0) + row["output_len"]
    family = model.rpartition("/")[2].lower().partition("-")[0]
    unusual = FIRST if family == "qwen" else BEFORE if family in OLDER else ""
    told = [model, row["quant"], f"{context:,} tokens", f"batch {row['batch']}", f"{devices} x {row['device']}"]
    ours = _told(model, QUANTS[row["quant"]], context, row["batch"], f"{devices}x {_device(row)}")
    return Row(" ".join(told), ours / GIB, row["mem_gb"], unusual, 0.005, source=row["source"])


def _device(row: dict[str, Any]) -> str:
    return str(row["device"]).lower().replace("-sxm4", "")


@cache
def _told(model: str, quant: str, context: int, batch: int, devices: str) -> int:
    """Bytes of all devices together."""
    answer = estimate(model, [quant], context=context, batch=batch, runtime="transformers", gpus=[devices])
    (device,) = answer.estimates[0].devices
    return sum(usage.parts.get(part, 0) for usage in device.per_device for part in PARTS)
