"""Models as hubs, Ollama and people call them: one entry and the quant that the name says, or a refusal that helps."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmscale.catalogue.entries import models, named
from llmscale.catalogue.reading import read
from llmscale.errors import NotFoundError
from llmscale.formats.select import named as quant_named
from llmscale.names import normal
from llmscale.sources.registry import load
from llmscale.store.tables import table
from tests.helpers import TRUTH, good, run

NAMES = json.loads((Path(TRUTH) / "names.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("row", NAMES["models"], ids=lambda row: row["typed"])
def test_a_name_is_the_model_in_the_quant_that_it_says(row: dict[str, Any]) -> None:
    found = named(row["typed"])
    assert found.entry.id == row["model"]
    assert found.quant == row["quant"]
    if row["quant"]:
        quant_named(row["quant"])
    if "context" in row:
        assert (found.entry.config or {})["max_position_embeddings"] == row["context"]


@pytest.mark.parametrize("row", NAMES["no_models"], ids=lambda row: row["typed"])
def test_a_name_of_another_model_is_none_of_ours(row: dict[str, Any]) -> None:
    with pytest.raises(NotFoundError):
        named(row["typed"])


@pytest.mark.parametrize(
    ("typed", "family"),
    [
        ("deepseek-r1:9b", "deepseek-r1"),
        ("llama3:foo", "llama-3-"),
        ("gemma3:9b", "gemma-3"),
        ("llama-3.1", "llama-3.1"),
    ],
)
def test_hints_are_of_the_family_newest_first(typed: str, family: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        named(typed)
    lines = [line.split() for line in caught.value.hint.splitlines()[1:]]
    listed = [line for line in lines if line[0] != "and"]
    assert listed
    assert all(line[0].startswith(family) for line in listed)
    months = [line[-1] for line in listed]
    assert months == sorted(months, reverse=True)


def test_every_id_and_alias_still_means_its_own_model() -> None:
    data = models()
    for model_id, entry in data["entries"].items():
        assert named(model_id).entry.id == model_id
        for alias in entry["aliases"]:
            assert named(alias).entry.id == model_id, alias


def test_no_alias_means_two_models() -> None:
    assert [name for name, ids in models()["names"].items() if len(ids) > 1] == []


@pytest.mark.parametrize("name", ["tiny", "qwen3-", "llama-2-1", "mist"])
def test_the_beginning_of_a_word_is_no_name(name: str) -> None:
    with pytest.raises(NotFoundError):
        named(name)


def test_a_name_that_two_entries_have_is_refused(tmp_path: Path) -> None:
    fields = "publisher: me, modality: text, released: '2025-01', licence: MIT, open: true, source: here"
    size = "parameters: 3B, no_config: unpublished"
    entries = [f"{key}: {{name: {key.title()}, aliases: [{key}/same], {fields}, {size}}}" for key in ("one", "two")]
    (tmp_path / "mine.yaml").write_text("\n".join(entries))
    answer = run("models", "check", "--catalogue", str(tmp_path / "mine.yaml"))
    assert answer.status == 4
    assert "'same' is a name of 'one' and of 'two'" in answer.err


def test_a_variant_has_its_own_context_and_name_and_its_base_keeps_its_own() -> None:
    base, variant = named("qwen3-4b").entry, named("Qwen/Qwen3-4B-Instruct-2507").entry
    assert (base.config or {})["max_position_embeddings"] == 40960
    assert (variant.config or {})["max_position_embeddings"] == 262144
    assert (variant.id, variant.name) == ("qwen3-4b", "Qwen3-4B-Instruct-2507")
    shown = good("estimate", "Qwen/Qwen3-4B-Instruct-2507", "-c", "200000", "-o", "json").json()
    assert "context_beyond_limit" not in {told["code"] for told in shown["notes"]}


def test_what_was_taken_is_said_in_one_line() -> None:
    shown = good("estimate", "qwen3:30b-a3b-q8_0", "-o", "json").json()
    assert [line["quant"] for line in shown["estimates"]] == ["q8_0"]
    taken = [told for told in shown["notes"] if told["code"].startswith("taken")]
    assert taken == [
        {"code": "taken_in", "values": {"typed": "qwen3:30b-a3b-q8_0", "model": "qwen3-30b-a3b", "quant": "q8_0"}}
    ]
    assert "Ollama's library has it in q4_k_m under that name" in good("estimate", "llama3.1:8b").out
    assert "视为" in good("estimate", "llama3.1:8b", "--lang", "zh").out
    plain = good("estimate", "llama-3.1-8b", "-o", "json").json()
    assert not [told for told in plain["notes"] if told["code"].startswith("taken")]


def test_a_bare_name_of_ollamas_library_is_what_it_loads_and_that_is_said() -> None:
    shown = good("estimate", "hermes3", "-o", "json").json()
    assert shown["model"]["id"] == "hermes-3-llama-3.1-8b"
    assert "library_default" in {told["code"] for told in shown["notes"]}
    assert "Ollama's library calls several sizes 'hermes3'" in good("params", "hermes3").out
    assert "Ollama 库中" in good("params", "hermes3", "--lang", "zh").out
    with pytest.raises(NotFoundError, match="could be any of 2 models"):
        named("tulu3")
    for typed in ("hermes3:8b", "smollm2-1.7b", "phi4"):
        assert "library_default" not in {told.code for told in named(typed).notes}
    with pytest.raises(NotFoundError):
        named("somebody/hermes3")


def test_a_quant_that_is_asked_for_goes_before_that_of_the_name() -> None:
    shown = good("estimate", "qwen3:8b-q8_0", "-q", "q4_k_m", "-o", "json").json()
    assert [line["quant"] for line in shown["estimates"]] == ["q4_k_m"]


def test_a_publishers_own_mix_is_said_to_be_unknown() -> None:
    shown = good("estimate", "hf.co/unsloth/Qwen3-8B-GGUF:UD-Q4_K_XL", "-o", "json").json()
    assert "own_mix" in {told["code"] for told in shown["notes"]}
    assert "ud-q4_k_xl" not in [line["quant"] for line in shown["estimates"]]


def test_the_words_of_ollamas_library_lead_to_models_that_there_are() -> None:
    names = models()["names"]
    for library, told in table("naming")["library"].items():
        for tag, spelling in told["tags"].items():
            assert len(names[normal(spelling)]) == 1, f"{library}:{tag}"


@given(st.text(max_size=200))
def test_any_text_is_a_model_or_one_clear_error(text: str) -> None:
    read(text)
    with contextlib.suppress(NotFoundError):
        named(text)


@pytest.mark.parametrize(
    ("word", "first"),
    [("glm", "glm-5"), ("deepseek", "deepseek-v4"), ("whisper", "whisper-large-v3-turbo"), ("granite", "granite-4")],
)
def test_a_family_s_word_alone_is_none_of_its_models(word: str, first: str) -> None:
    told = run("params", word)
    assert told.status == 3
    assert f"'{word}' could be any of" in told.err
    listed = told.err.split("newest first:")[1].split()
    assert listed[0].startswith(first)


@pytest.mark.parametrize(("word", "model"), [("mistral", "mistral-7b-v0.3"), ("phi", "phi-2"), ("bert", "bert-base")])
def test_a_word_that_ollama_or_the_catalogue_has_is_that(word: str, model: str) -> None:
    assert good("params", word, "-o", "json").json()["model"]["id"] == model


@pytest.mark.parametrize(
    ("typed", "quant", "code"),
    [
        ("smollm2:1.7b", "q8_0", "taken_in_library"),
        ("qwen3:8b", "q4_k_m", "taken_in_library"),
        ("unsloth/Qwen3-8B-GGUF", "q4_k_m", "taken_in_usual"),
        ("unsloth/Qwen3-8B-GGUF:Q6_K", "q6_k", "taken_in"),
        ("Qwen/Qwen3-8B", "", ""),
    ],
)
def test_by_whom_the_quant_of_a_name_is_said(typed: str, quant: str, code: str) -> None:
    loaded = load(typed)
    assert (loaded.quant, [told.code for told in loaded.notes]) == (quant, [code] if code else [])
    if code == "taken_in_library":
        assert f"Ollama's library has it in {quant} under that name" in good("params", typed).out
        assert "llama.cpp" not in good("params", typed).out
