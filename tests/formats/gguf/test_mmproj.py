"""Vision towers' files: to the byte what llama.cpp's converter writes, and what published ones hold."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmscale.errors import UnsupportedModelError, UsageError
from llmscale.formats.gguf.mmproj import FORMS, projector
from llmscale.model.inventory import inventory
from llmscale.runtimes.llama_cpp.companions import projector_of
from llmscale.runtimes.llama_cpp.towers import GRAPHS
from llmscale.sources.registry import load
from llmscale.units import MIB
from tests.helpers import TRUTH

TOWERS: dict[str, Any] = json.loads((TRUTH / "llamacpp_mmproj.json").read_text())


def tensors(model: str, form: str) -> int:
    spec = load(model).known()
    return sum(one.bytes for one in projector(spec, inventory(spec), form))


@pytest.mark.parametrize(("model", "form"), [(m, form) for m, sizes in TOWERS["sizes"].items() for form in sizes])
def test_every_converted_tower_is_exact(model: str, form: str) -> None:
    assert tensors(model, form) == TOWERS["sizes"][model][form]


def test_all_families_and_types_were_converted() -> None:
    assert {form for sizes in TOWERS["sizes"].values() for form in sizes} >= set(FORMS)
    assert len(TOWERS["sizes"]) >= 30


@pytest.mark.parametrize("row", TOWERS["published"], ids=lambda row: f"{row['model']} {row['form']}")
def test_published_files_and_logs(row: dict[str, Any]) -> None:
    size = tensors(row["model"], row["form"])
    if "file_bytes" in row:
        assert size + row["metadata_bytes"] == row["file_bytes"]
    if "model_size_mib" in row:
        assert size / MIB == pytest.approx(row["model_size_mib"], abs=0.006)
    spec = load(row["model"]).known()
    found = projector_of(spec, inventory(spec), row["form"])
    if "buffer_bytes" in row:
        assert found.weights == row["buffer_bytes"]
    if "compute_mib" in row:
        assert found.compute == round(row["compute_mib"] * MIB)


@pytest.mark.parametrize("model", TOWERS["compute"])
def test_graphs_are_those_that_were_reserved(model: str) -> None:
    spec = load(model).known()
    assert projector_of(spec, inventory(spec), "f16").graph == tuple(TOWERS["compute"][model])


def test_no_graph_without_a_row() -> None:
    assert set(GRAPHS.values()) <= {tuple(row) for row in TOWERS["compute"].values()}


@pytest.mark.parametrize(
    ("model", "form", "error", "says"),
    [
        ("gemma-3-4b", "q4_k_m", UsageError, "f16, bf16, q8_0, f32"),
        ("llama-3.1-8b", "f16", UsageError, "no vision tower"),
        ("llava-1.5-7b", "f16", UnsupportedModelError, "never checked"),
        ("llama-3.2-11b-vision", "f16", UnsupportedModelError, "never checked"),
    ],
)
def test_what_there_is_no_file_of(model: str, form: str, error: type[Exception], says: str) -> None:
    spec = load(model).known()
    with pytest.raises(error) as caught:
        projector(spec, inventory(spec), form)
    assert says in f"{caught.value} {caught.value.hint}"  # type: ignore[attr-defined]


def test_an_f16_file_keeps_its_patch_embedding_and_others_widen_it() -> None:
    spec = load("qwen2.5-vl-7b").known()
    patch = {
        form: next(one.form.id for one in projector(spec, inventory(spec), form) if "patch_embed" in one.group.name)
        for form in FORMS
    }
    assert patch == {"f16": "fp16", "bf16": "fp32", "q8_0": "fp32", "f32": "fp32"}
