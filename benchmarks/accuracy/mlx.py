"""MLX's peak memory: `tests/truth/mlx.json`, each row asked for with its prompt as the context."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.runtimes.mlx.rows import GB, ROWS, peak

from benchmarks.accuracy.rows import Comparison, Row

PEAK = "MLX peak memory"
STANDS = "MLX peak memory, by a relative of the model"
SOURCE = "mlx-lm 0.28 to 0.31 on Apple silicon, as published: `tests/truth/mlx.json`. Nothing is fitted to these rows."


def comparisons() -> Iterator[Comparison]:
    """What mlx-lm prints as its peak."""
    yield Comparison(PEAK, SOURCE, [_row(row) for row in ROWS if not row.get("stands")])
    yield Comparison(
        STANDS,
        f"{SOURCE} The shape is that of the catalogue's nearest model, which nobody has compared.",
        [_row(row) for row in ROWS if row.get("stands")],
    )


def _row(row: dict[str, Any]) -> Row:
    chunk = f", chunks of {row['prefill_step_size']:,}" if row.get("prefill_step_size") else ""
    batch = f", batch {row['batch']}" if row.get("batch", 1) > 1 else ""
    name = f"{row['model']} {row['quant']} {row['device'] or '?'}, {row['context']:,} tokens{batch}{chunk}"
    return Row(name, peak(row) / GB, row["peak_gb"])
