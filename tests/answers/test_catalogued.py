"""All catalogue models at once: as they were compiled, and the same as when each is counted."""

from __future__ import annotations

import pytest

from llmscale import load
from llmscale.answers.catalogued import Entry, all_models
from llmscale.catalogue.summaries import summaries
from llmscale.fit.subject import Bare, Counted, Listed, model_of
from llmscale.formats.catalogue import quant
from llmscale.runtimes.subject import Summary
from llmscale.speed.profile import bytes_per_token, profile_of


@pytest.fixture(scope="module")
def shipped() -> dict[str, Entry]:
    return {entry.model.about.id: entry for entry in all_models(None)}


def test_every_model_whose_size_is_known_is_there(shipped: dict[str, Entry]) -> None:
    assert list(shipped) == [found.id for found in summaries()]
    assert isinstance(shipped["llama-2-7b"].model, Listed)
    assert isinstance(shipped["seed1.5-thinking"].model, Bare)
    assert "gpt-4" not in shipped


@pytest.mark.parametrize("model", ["llama-2-7b", "gpt-oss-20b", "gemma-2-9b", "bert-base", "vit-base"])
def test_what_decides_its_speed_is_that_of_its_tensors(shipped: dict[str, Entry], model: str) -> None:
    entry, counted = shipped[model], model_of(load(model).known())
    assert isinstance(counted, Counted)
    assert entry.profile == profile_of(counted.inventory)
    one = quant("q4_k_m" if counted.has([quant("q4_k_m")]) else "fp16")
    exact, subject = counted.subject(one, ""), entry.model.subject(one, one.runtime)
    assert isinstance(subject, Summary)
    read = bytes_per_token(exact.inventory, exact.stored) if one.kind == "gguf" else (0, 0)
    assert (subject.sized.read, subject.sized.experts) == read


def test_its_tensors_are_counted_when_they_are_wanted(shipped: dict[str, Entry]) -> None:
    counted = shipped["llama-2-7b"].counted()
    assert isinstance(counted, Counted)
    assert shipped["llama-2-7b"].counted() is counted
    assert counted.about == model_of(load("llama-2-7b").known()).about
