"""Ollama's sizes of loaded models: `tests/truth/ollama.json`, each row asked for with its context and device."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.runtimes.ollama.rows import GB, ROWS, held, printed, size

from benchmarks.accuracy.rows import Comparison, Row
from llmscale.runtimes.placed import CACHE, COMPUTE, WEIGHTS
from llmscale.units import MIB

SIZE = "Ollama size of a loaded model"
BUFFERS = "Ollama buffers of llama-server"
SOURCE = "`ollama ps` and logs of Ollama 0.31 to 0.34 as published: `tests/truth/ollama.json`."


def comparisons() -> Iterator[Comparison]:
    """What Ollama prints of a model that is wholly on the GPU."""
    yield Comparison(
        SIZE,
        f"{SOURCE} Held against the nearest end of what the two printed digits may stand for.",
        [_size(row) for row in ROWS if row.get("size")],
    )
    yield Comparison(BUFFERS, SOURCE, [each for row in ROWS if row.get("model_mib") for each in _buffers(row)])


def _size(row: dict[str, Any]) -> Row:
    low, high = printed(row)
    ours = size(row) / GB
    return Row(_name(row), ours, min(max(ours, low), high))


def _buffers(row: dict[str, Any]) -> Iterator[Row]:
    for part, kind in (("model", WEIGHTS), ("kv", CACHE), ("compute", COMPUTE)):
        yield Row(f"{_name(row)}, {part}", held(row, kind) / MIB, row[f"{part}_mib"], rounding=0.5)


def _name(row: dict[str, Any]) -> str:
    return (
        f"{row['catalogue']} {row['quant']} Ollama {row['version'] or '?'} {row['device']}, {row['context']:,} tokens"
    )
