"""Recipes that are rules against the sizes of published files (``tests/truth/files.json``)."""

from __future__ import annotations

import json
from statistics import median
from typing import Any

import pytest

from llmscale.errors import NotFoundError, UnsupportedModelError
from llmscale.formats.catalogue import format_of
from llmscale.formats.select import named
from llmscale.formats.weights import assign_formats, weight_bytes
from llmscale.model.inventory import inventory
from llmscale.sources.registry import load
from tests.helpers import TRUTH

UNITS = {"bytes": 1, "gb": 10**9, "gib": 2**30}
#: Files that differ by more than `WORST` though their rows call them usual, and what their size suggests; no more
#: than that: their configs could not be read.
EXPLAINED = {
    ("glm-5", "mlx-mxfp8"): "8.5 bits a weight: affine in groups of 64 by its size, whatever its name says",
    (
        "nemotron-3-nano-30b-a3b",
        "mlx-nvfp4",
    ): "4.9 bits a weight, more than NVFP4 in all layers; its config is not known",
    ("llama-2-7b", "hqq-int4-g64"): "an old HQQ file with zero points in 8 bit: 0.125 bits a weight less",
    ("llama-3.2-1b", "fp8"): "the tied head is stored again, in 16 bit",
    ("starcoder-15b", "gptq-int4-g128"): "the tied head is stored again, in 16 bit",
    ("orion-14b", "bf16"): "not explained: the page says 28.0 GB, two bytes a parameter are 29.0",
}
#: Headers, old AutoGPTQ's zero biases and routers that MLX keeps wider: the largest differences that are left.
WORST = 0.0015
TYPICAL = 0.0002


def rows() -> list[dict[str, Any]]:
    record = json.loads((TRUTH / "files.json").read_text(encoding="utf-8"))
    usual = [
        row for row in record["rows"] if "unusual" not in row and row["format"] != "gguf" and "/" not in row["model"]
    ]
    return [
        row for row in usual if row["format"] in {"safetensors", "pt"} and (row["model"], row["quant"]) not in EXPLAINED
    ]


def difference(row: dict[str, Any]) -> float | None:
    """Relative, less what rounding in the source explains; None for a quant that is no rule of ours."""
    try:
        quant = named(row["quant"])
    except NotFoundError:
        return None
    spec = load(row["model"]).known()
    published = next(row[unit] * factor for unit, factor in UNITS.items() if unit in row)
    ours = weight_bytes(quant, spec, inventory(spec))
    shards = 8 if "summed" in row.get("note", "") else 1
    rounding = shards * 0.5 * 10.0 ** -row["digits"] * 10**9 if "digits" in row else 0.0
    return max(0.0, abs(ours - published) - rounding) / published


def test_published_files_are_met() -> None:
    found = [(value, row) for row in rows() if (value := difference(row)) is not None]
    assert len(found) >= 75
    assert len({row["quant"] for _, row in found}) >= 25
    far = [(value, row["model"], row["quant"]) for value, row in found if value > WORST]
    assert far == []
    assert median(value for value, _ in found) < TYPICAL


@pytest.mark.parametrize(
    ("model", "quant", "published"),
    [
        ("gpt-oss-20b", "mxfp4", 13_761_264_768),
        ("gpt-oss-120b", "mxfp4", 65_248_815_744),
        ("llama-3-70b", "gptq", 39_792_689_152),
        ("qwen3-14b", "mlx-4bit", 8_307_783_680),
        ("nemotron-nano-9b-v2", "mlx-6bit", None),
    ],
)
def test_total_sizes_of_published_indexes_are_met_to_the_byte(model: str, quant: str, published: int | None) -> None:
    spec = load(model).known()
    record = json.loads((TRUTH / "files.json").read_text(encoding="utf-8"))
    sizes = {
        row["bytes"]
        for row in record["rows"]
        if row["model"] == model and row["kind"] == "tensors" and named(row["quant"]).id == named(quant).id
    }
    assert published is None or published in sizes
    assert sizes == {weight_bytes(named(quant), spec, inventory(spec))}


LAYOUTS: dict[str, Any] = json.loads((TRUTH / "layout_totals.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("row", LAYOUTS["totals"], ids=lambda row: f"{row['model']}-{row['quant']}")
def test_aqlms_own_table_is_met_to_its_decimals_where_nothing_is_unusual(row: dict[str, Any]) -> None:
    spec = load(row["model"]).known()
    ours = weight_bytes(named(row["quant"]), spec, inventory(spec)) / 10**9
    assert (round(ours, row["digits"]) == row["gb"]) == ("unusual" not in row)


@pytest.mark.parametrize("row", LAYOUTS["layers"], ids=lambda row: str(row["shape"]))
def test_a_published_layer_of_exllama_is_met_to_the_byte(row: dict[str, Any]) -> None:
    assert format_of(row["format"]).size(tuple(row["shape"])) == sum(row["bytes"].values())


def test_deepseek_v3_is_met_when_the_layer_that_predicts_a_second_token_is_added() -> None:
    """Layer 61 of the files: one more layer, an embedding and a head of its own, a matrix that joins two streams."""
    spec = load("deepseek-v3").known()
    stored = assign_formats(named("fp8-block"), spec, inventory(spec))
    last = sum(each.form.size(each.group.shape) * each.group.experts for each in stored if 60 in each.group.layers)
    ends = sum(each.bytes for each in stored if each.group.component in {"embedding", "head"})
    joined, norms = 2 * spec.hidden_size * 2 * spec.hidden_size, 3 * 2 * spec.hidden_size
    total = sum(each.bytes for each in stored) + last + ends + joined + norms
    published = 688_586_727_753
    # Headers of 163 files, which name each matrix and its scale.
    assert 0 < published - total < 163 * 100_000


def test_what_is_explained_still_differs() -> None:
    """An explanation that is no longer needed has to go."""
    record = json.loads((TRUTH / "files.json").read_text(encoding="utf-8"))
    for model, quant in EXPLAINED:
        of_it = [row for row in record["rows"] if (row["model"], row["quant"]) == (model, quant)]
        assert of_it, (model, quant)
        try:
            differences = [difference(row) for row in of_it]
        except UnsupportedModelError:
            continue
        assert max(value or 0.0 for value in differences) > WORST, (model, quant)
