"""The form of ``tests/truth/files.json``: published sizes of quantised models, to hold our bytes against."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from llmscale.catalogue import entries as catalogue

FILE = Path(__file__).parent / "truth" / "files.json"
RECORD: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
ROWS: list[dict[str, Any]] = RECORD["rows"]

UNITS = {"bytes": 1, "gb": 10**9, "gib": 2**30}
REQUIRED = {"model", "quant", "kind", "format", "source"}
OPTIONAL = {"digits", "tool", "date", "file", "note", "unusual"}
SOURCE = re.compile(r"https://\S+|github:[\w.-]+/[\w.-]+(@[0-9a-f]{7,40})?:\S+")


def size(row: dict[str, Any]) -> float:
    """The row's bytes, as exact as it says them."""
    return next(float(row[unit] * factor) for unit, factor in UNITS.items() if unit in row)


def test_it_says_what_it_is_and_is_large() -> None:
    assert "computed" in " ".join(RECORD["what"])
    assert len(ROWS) >= 700
    assert sum("bytes" in row for row in ROWS) >= 600
    assert len({row["model"] for row in ROWS}) >= 100
    assert {row["format"] for row in ROWS} >= {"gguf", "safetensors", "pt", "mlc"}


def test_every_row_has_one_size_and_its_source() -> None:
    for row in ROWS:
        keys = set(row)
        units = keys & UNITS.keys()
        assert keys >= REQUIRED, row
        assert keys <= REQUIRED | OPTIONAL | UNITS.keys(), row
        assert len(units) == 1, row
        assert ("digits" in row) == (units != {"bytes"}), row
        assert "bytes" not in row or type(row["bytes"]) is int, row
        assert size(row) > 10**7, row
        assert row["kind"] in {"file", "tensors"}, row
        assert re.fullmatch(r"[a-z0-9][a-z0-9._-]*", row["quant"]), row
        assert SOURCE.fullmatch(row["source"]), row
        assert "date" not in row or re.fullmatch(r"20\d\d-\d\d(-\d\d)?", row["date"]), row


def test_a_printed_size_has_no_more_decimals_than_it_says() -> None:
    for row in ROWS:
        if "digits" in row:
            printed: float = row["gb"] if "gb" in row else row["gib"]
            assert round(printed, row["digits"]) == printed, row


def test_models_without_a_publisher_are_in_the_catalogue() -> None:
    known = {entry.id for entry in catalogue.entries()}
    assert {row["model"] for row in ROWS if "/" not in row["model"]} <= known


def test_no_row_stands_twice() -> None:
    seen = Counter(json.dumps(row, sort_keys=True) for row in ROWS)
    assert [row for row, count in seen.items() if count > 1] == []


@pytest.mark.parametrize("kind", ["gguf", "safetensors"])
def test_rows_of_the_same_model_and_quantisation_agree(kind: str) -> None:
    """Unless a row says what is unusual about it: fine-tunes, headers and rounding are within one percent."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in ROWS:
        if row["format"] == kind and "unusual" not in row:
            groups.setdefault((row["model"], row["quant"]), []).append(row)
    apart = {key: [size(row) for row in rows] for key, rows in groups.items()}
    assert {key: sizes for key, sizes in apart.items() if max(sizes) > 1.01 * min(sizes)} == {}
