"""SGLang's start-up logs: `tests/truth/sglang.json`, each row asked for with the settings that it names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.runtimes.sglang.rows import ROWS, cell, loaded, named, started

from benchmarks.accuracy.rows import Comparison, Row
from llmscale.units import GIB

LOADED = "SGLang weights per rank"
CACHE = "SGLang KV cache"
TOKENS = "SGLang KV tokens"
SOURCE = "Start-up logs of SGLang of 2025 and 2026 as published: `tests/truth/sglang.json`."
#: Half of the last digit that is printed, in GiB.
HALF_DIGIT = 0.005


def comparisons() -> Iterator[Comparison]:
    """What SGLang prints before it serves."""
    yield Comparison(
        LOADED,
        SOURCE,
        [_row(row, loaded(row) / GIB, "loaded_gib") for row in _with("loaded_gib")],
    )
    yield Comparison(
        CACHE,
        f"{SOURCE} The bytes of the tokens that a row prints.",
        [_row(row, _bytes(row) / GIB, "kv_gib", rounding=2 * HALF_DIGIT) for row in _with("kv_tokens", "kv_gib")],
        ("sglang", "kv_cache"),
    )
    yield Comparison(
        TOKENS,
        f"{SOURCE} With the share that a row was started with, from the memory that it says is free before loading; of "
        "one row that does not say, from its devices, whose NCCL buffers were read off it.",
        [_row(row, started(row).pools.tokens, "kv_tokens") for row in _with("kv_tokens", "fraction")],
    )


def _with(*keys: str) -> list[dict[str, Any]]:
    return [row for row in ROWS if all(row.get(key) for key in keys)]


def _bytes(row: dict[str, Any]) -> float:
    one = cell(row)
    return float(row["kv_tokens"] * one.token + row.get("window_tokens", 0) * one.windowed)


def _row(row: dict[str, Any], ours: float, key: str, rounding: float = 0) -> Row:
    return Row(named(row), ours, row[key], rounding=rounding, seen=bool(row.get("seen")), source=row["source"])
