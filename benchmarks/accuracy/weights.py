"""Bytes of weights and of whole files: `tests/truth/gguf_sizes.json` and `tests/truth/files.json`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from tests.helpers import spec_as_measured

from benchmarks.accuracy.rows import Comparison, Row
from llmscale.errors import NotFoundError, UnsupportedModelError
from llmscale.fit.subject import Bare, Counted, model_of
from llmscale.formats.catalogue import quant, quants
from llmscale.formats.gguf import keeps_packed
from llmscale.formats.gguf.files import file_bytes
from llmscale.formats.recipe import Quant

TRUTH = Path(__file__).parents[2] / "tests" / "truth"
#: Bytes of the units that sizes are published in.
UNITS = {"bytes": 1, "gb": 10**9, "gib": 2**30}


def comparisons() -> Iterator[Comparison]:
    """Weights by preset, and published files by kind."""
    yield Comparison(
        "GGUF tensors by llama-quantize",
        "Bytes that `llama-quantize --dry-run` prints for full-size files: `tests/truth/gguf_sizes.json`.",
        list(_dry_runs()),
        ("gguf", "weights"),
    )
    published = list(_files())
    kinds: tuple[tuple[str, str | None, str | None, tuple[str, str] | None], ...] = (
        ("GGUF files", "gguf", "file", ("gguf", "file")),
        ("GGUF tensors, as printed by llama.cpp", "gguf", "tensors", None),
        ("safetensors and others", None, None, ("checkpoint", "weights")),
    )
    for what, format_, kind, bounds in kinds:
        rows = [
            row
            for raw, row in published
            if (raw["format"] == format_ and raw["kind"] == kind if format_ else raw["format"] != "gguf")
        ]
        yield Comparison(
            f"Published {what}",
            "Sizes that publishers, hubs and download lists print: `tests/truth/files.json`, each row with its source.",
            rows,
            bounds,
        )


@cache
def _model(name: str) -> Counted | Bare | None:
    if "/" in name:  # a config of the tests
        return None
    try:
        return model_of(spec_as_measured(name))
    except NotFoundError:
        return None


@cache
def _quant(name: str) -> Quant | None:
    try:
        return quant(name)
    except NotFoundError:
        return None


def _files() -> Iterator[tuple[dict[str, Any], Row]]:
    """Rows of models and quants that llmscale knows, with what it says."""
    for raw in json.loads((TRUTH / "files.json").read_text(encoding="utf-8"))["rows"]:
        model, chosen = _model(raw["model"]), _quant(_name(raw))
        if model is None or chosen is None:
            continue
        try:
            weights = model.weights(chosen).value
        except UnsupportedModelError:
            continue
        unit = next(unit for unit in UNITS if unit in raw)
        ours = _file_bytes(model, chosen, weights) if raw["kind"] == "file" else weights
        truth, unusual = raw[unit] * UNITS[unit], raw.get("unusual", "")
        yield raw, Row(f"{raw['model']} {raw['quant']}", ours, truth, unusual, source=raw.get("source", ""))


def _name(raw: dict[str, Any]) -> str:
    """What llmscale calls the quant of a row: a GGUF file in BF16 is not the published checkpoint."""
    return (
        f"gguf-{raw['quant']}" if raw["format"] == "gguf" and raw["quant"] in ("f32", "f16", "bf16") else raw["quant"]
    )


def _file_bytes(model: Counted | Bare, chosen: Quant, weights: int) -> int:
    if isinstance(model, Bare) or chosen.kind != "gguf":
        return weights
    return file_bytes(model.spec, model.subject(chosen, "").stored).value


def _dry_runs() -> Iterator[Row]:
    truth = json.loads((TRUTH / "gguf_sizes.json").read_text(encoding="utf-8"))
    rows = [(model, preset, row["bytes"]) for model, found in truth["given"].items() for preset, row in found.items()]
    rows += [(model, preset, size) for model, found in truth["dry_runs"].items() for preset, size in found.items()]
    presets = {one.preset: one for one in quants() if one.preset}
    for name, preset, size in rows:
        model = _model(name)
        if size is None or preset not in presets:
            continue
        # The recorder's gpt-oss had experts in 16 bits, which no published file has.
        if isinstance(model, Counted) and keeps_packed(model.spec, model.inventory):
            continue
        if model is not None:
            yield Row(f"{name} {preset}", model.weights(presets[preset]).value, size)
