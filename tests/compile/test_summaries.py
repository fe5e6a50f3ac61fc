"""What is computed of every model when a catalogue is compiled."""

from __future__ import annotations

import json
from pathlib import Path

from llmscale.catalogue.summaries import ModelSummary
from llmscale.model.families import from_config
from llmscale.model.shape import Shape, shape_of
from tests.helpers import TINY_TOTAL, tiny
from tests.store.a_checkout import MODEL, compile_table


def test_a_model_of_which_only_the_size_is_known(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(MODEL.format(id="m") + "  parameters: 1.1亿\n", encoding="utf-8")
    assert compile_table("summaries", path)["m"][4:] == [110_000_000, None, None, "", "", None, None]
    assert compile_table("sizes_transformers", path)["models"] == {}


def test_a_model_whose_tensors_are_known(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(MODEL.format(id="m") + f"  config: {json.dumps(tiny())}\n", encoding="utf-8")
    summary = ModelSummary(*compile_table("summaries", path)["m"])
    assert (summary.id, summary.parameters, summary.active, summary.limit) == ("m", TINY_TOTAL, TINY_TOTAL, 512)
    assert summary.widths is not None
    assert Shape.from_json(summary.widths) == shape_of(from_config(tiny(), "m"))
    sizes = compile_table("sizes_transformers", path)
    which, *found = sizes["models"]["m"]
    assert dict(zip(sizes["quants"][which], found, strict=True))["fp16"] == [2 * TINY_TOTAL]


def test_the_names_of_quants_are_said_once_of_models_that_have_the_same(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    models = {"one": tiny(), "other": {**tiny(), "num_hidden_layers": 3}}
    entries = [MODEL.format(id=key) + f"  config: {json.dumps(config)}\n" for key, config in models.items()]
    path.write_text("".join(entries), encoding="utf-8")
    sizes = compile_table("sizes_transformers", path)
    assert [row[0] for row in sizes["models"].values()] == [0, 0]
    assert sizes["models"]["one"] != sizes["models"]["other"]
    assert len(sizes["quants"]) == 1


def test_a_model_of_which_nothing_is_known(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(MODEL.format(id="m"), encoding="utf-8")
    assert compile_table("summaries", path) == compile_table("sizes_transformers", path)["models"] == {}


def test_equal_models_are_made_something_of_once(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    one, other = (MODEL.format(id=name) + f"  config: {json.dumps(tiny())}\n" for name in ("one", "other"))
    path.write_text(one + other, encoding="utf-8")
    made = compile_table("summaries_llama.cpp", path)
    assert made["one"] is made["other"]
    assert made["one"] is not None
