"""How far off an estimate may be: by rows of the same kind, and of nothing that was never measured."""

from __future__ import annotations

import pytest

from llmscale import load
from llmscale.fit.bounds import WORDS, bounds_of, explain_bounds, percent
from llmscale.fit.subject import Subject, model_of
from llmscale.formats.catalogue import quant
from llmscale.model.families import from_config
from llmscale.runtimes.interface import Runtime
from llmscale.runtimes.registry import runtime
from llmscale.store.tables import table
from tests.helpers import TINY


def asked(reference: str, form: str) -> tuple[Runtime, Subject]:
    chosen = quant(form)
    found = runtime(chosen.runtime)
    return found, model_of(load(reference).known()).subject(chosen, found.info.name)


@pytest.mark.parametrize(
    ("model", "form", "groups"),
    [
        ("llama-3.1-8b", "q4_k_m", ["gguf", "llama.cpp"]),
        ("llama-3.1-8b", "fp16", ["checkpoint", "transformers"]),
        ("llama-3.1-8b", "awq", ["checkpoint", "vllm"]),
        ("vit-base", "fp16", ["checkpoint"]),
    ],
)
def test_an_estimate_has_the_bounds_of_its_kind(model: str, form: str, groups: list[str]) -> None:
    entries = table("bounds")["entries"]
    expected = {part: entry for group in groups for part, entry in entries.get(group, {}).items()}
    found = bounds_of(*asked(model, form))
    assert {part: vars(entry) for part, entry in found.items()} == expected
    assert found


@pytest.mark.parametrize(("model", "form"), [("7B", "q4_k_m"), ("llama-3.1-8b", "int4")])
def test_nothing_bounds_what_nobody_measured(model: str, form: str) -> None:
    assert bounds_of(*asked(model, form)) == {}
    assert explain_bounds(*asked(model, form)) == []


def test_nothing_bounds_a_model_that_is_assumed() -> None:
    model = model_of(from_config({**TINY, "model_type": "brandnew"}, "a test", "llama"))
    assert bounds_of(runtime("llama.cpp"), model.subject(quant("q4_k_m"), "llama.cpp")) == {}


def test_the_explanation_has_a_line_for_each_bound() -> None:
    found, lines = bounds_of(*asked("llama-3.1-8b", "q4_k_m")), explain_bounds(*asked("llama-3.1-8b", "q4_k_m"))
    assert [line.strip().partition(":")[0] for line in lines] == [WORDS[part] for part in found]
    assert "KV cache: within 0.0 % in 95 of 100 cases" in "\n".join(lines)


def test_nought_is_said_only_of_what_is_exact() -> None:
    assert (percent(0), percent(0.00001), percent(0.123456)) == ("0.0 %", "0.001 %", "12.3 %")
