"""The context of an entry is its config's own limit; what the publisher states otherwise stands beside it."""

from __future__ import annotations

import json
from pathlib import Path

from llmscale.answers.check import check_models
from llmscale.catalogue.entries import entry
from tests.helpers import run


def test_no_shipped_context_differs_from_its_config() -> None:
    assert check_models().contexts == ()


def test_both_contexts_of_a_model_that_needs_yarn_are_held() -> None:
    found = entry("qwen3-32b")
    assert (found.context, found.stated_context) == (40_960, 131_072)
    assert "YaRN" in found.stated_how


def test_the_stated_context_is_on_the_screen(tmp_path: Path) -> None:
    assert "131,072: with YaRN" in run("models", "show", "qwen3-32b").out
    shown = json.loads(run("models", "show", "qwen3-32b", "-o", "json").out)
    assert (shown["model"]["context"], shown["stated_context"]) == (40_960, 131_072)


def test_recalled_models_are_listed_by_name() -> None:
    listed = json.loads(run("models", "check", "--recalled", "-o", "json").out)["recalled"]
    assert listed == sorted(set(listed), key=listed.index)
    assert all(entry(model_id).checked.startswith("recalled") for model_id in listed)
