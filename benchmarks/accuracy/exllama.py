"""ExLlama's memory in use: `tests/truth/exllama.json`."""

from __future__ import annotations

from collections.abc import Iterator

from tests.runtimes.exllama.rows import ROWS, used

from benchmarks.accuracy.rows import Comparison, Row
from llmscale.units import MIB

USED = "ExLlama GPU memory with a model loaded"
SOURCE = (
    "exllamav3 of 2025 as people read it off a whole card: `tests/truth/exllama.json`. Release 1.4.1 is modelled; "
    "nothing is fitted to these rows."
)


def comparisons() -> Iterator[Comparison]:
    """What a card shows in use."""
    rows = [
        Row(
            f"{row['model']} {row['quant']} {row['device'] or '?'}, {row['context']:,} tokens in {row['kv_dtype']}",
            used(row) / MIB,
            row["used_mib"],
        )
        for row in ROWS
    ]
    yield Comparison(USED, SOURCE, rows)
