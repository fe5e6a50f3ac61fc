"""The rows of `tests/truth/mlx.json`, with what llmscale answers to each.

Shared by the tests and by `benchmarks/accuracy`.
"""

from __future__ import annotations

import json
from typing import Any

from llmscale.answers.estimate import estimate
from tests.helpers import TRUTH

ROWS: list[dict[str, Any]] = json.loads((TRUTH / "mlx.json").read_text(encoding="utf-8"))["rows"]
#: Decimal, as mlx-lm writes.
GB = 1_000_000_000


def peak(row: dict[str, Any]) -> int:
    """Bytes at the peak, through the public interface."""
    (answer,) = estimate(
        row["catalogue"],
        (row["quant"],),
        context=row["context"],
        batch=row.get("batch", 1),
        runtime="mlx",
        gpus=("m3-ultra",),
        options={"prefill_step_size": row.get("prefill_step_size")},
    ).estimates
    return answer.total_bytes
