"""GGUF files of model types that the converter was not run for here: what logs and listings say of published ones."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from llmscale.catalogue.entries import entry
from llmscale.formats.gguf import assign_preset, convert
from llmscale.model.families import from_config
from llmscale.model.inventory import inventory
from tests.helpers import TRUTH, good, run

ROWS: list[dict[str, Any]] = json.loads((TRUTH / "gguf_logs.json").read_text(encoding="utf-8"))["rows"]
GIB, GB = 1 << 30, 10**9
#: Bytes of metadata that a listing has besides the tensors.
HEADER = 0.03 * GB
CALLED = {"FP32": "F32"}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['model']} {row['preset']}")
def test_a_published_file_is_met(row: dict[str, Any]) -> None:
    spec = from_config(entry(row["model"]).config or {}, row["model"])
    parts = inventory(spec)
    made = convert(spec, parts)
    assert (made.arch, made.layers) == (row["arch"], row["layers"])
    stored = assign_preset(row["preset"], spec, parts)
    types: Counter[str] = Counter()
    for tensors in stored:
        types[CALLED.get(tensors.form.name, tensors.form.name)] += max(1, len(tensors.group.layers))
    assert types.total() == row.get("tensors", types.total())
    assert types == row.get("types", types)
    total = sum(tensors.bytes for tensors in stored)
    if "gib" in row:
        assert abs(total / GIB - row["gib"]) < 0.015
    if "gb" in row:
        assert 0 <= row["gb"] * GB - total < HEADER


@pytest.mark.parametrize(
    ("model", "bytes_a_token"),
    [("glm-4.7-flash", 47 * 576 * 2), ("kimi-k2.5", 61 * 576 * 2)],
)
def test_a_latent_is_cached_once_for_all_heads(model: str, bytes_a_token: int) -> None:
    """`deepseek2` keeps the compressed keys and their rotary part, and no values (src/models/deepseek2.cpp)."""
    said = good("estimate", model, "--quant", "q4_k_m", "-c", "8192").out
    assert f"{bytes_a_token * 8192 / GIB:.2f}" in said


@pytest.mark.parametrize("model", ["kimi-k2.5", "gemma-4-12b"])
def test_a_tower_that_was_not_converted_is_refused(model: str) -> None:
    found = run("estimate", model, "--quant", "q4_k_m", "--mmproj", "f16")
    assert found.status != 0
    assert "mmproj" in found.err
