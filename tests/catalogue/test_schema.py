"""What a file of models may say, and what follows from a config and is compiled with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llmscale.names import normal
from tests.helpers import TINY_TOTAL, tiny
from tests.store.a_checkout import MODEL, compile_table, refusal


def test_counts_are_read_as_people_write_them(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(MODEL.format(id="m") + "  parameters: 1.1亿\n  training_tokens: 2T\n", encoding="utf-8")
    (entry,) = compile_table("models", path)["entries"].values()
    assert (entry["parameters"], entry["training_tokens"]) == (110_000_000, 2 * 10**12)
    assert entry["counted"] is None


def test_what_follows_from_a_config_is_compiled_with_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    hub = "  aliases: [some-org/My-Model-hf, some-org/My-Model-hf]\n"
    path.write_text(MODEL.format(id="m") + hub + f"  config: {json.dumps(tiny())}\n", encoding="utf-8")
    compiled = compile_table("models", path)
    assert compiled["entries"]["m"]["counted"] == TINY_TOTAL
    assert compiled["names"]["mymodelhf"] == compiled["names"][normal("some-org/My-Model-hf")] == ["m"]


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("  parameters: 7Q\n", "parameters"),
        ("  parameters: -7\n", "parameters"),
        ("  paramters: 7B\n", "paramters"),
        ("  rumours: 5\n", "rumours"),
        ("  rumours: [{low: 1T}]\n", "rumours"),
        ("  config: 5\n", "config"),
        ("  config: {model_type: llama}\n", "hidden_size"),
        ("  config: {model_type: nosuch}\n", "nosuch"),
        ("  open: perhaps\n", "open"),
    ],
)
def test_a_malformed_model_is_named_with_its_field(tmp_path: Path, line: str, field: str) -> None:
    text = MODEL.format(id="thatone") + line
    if "open:" in line:
        text = text.replace("  open: true\n", "", 1)
    message = refusal(tmp_path, "models", text)
    assert "thatone" in message
    assert field in message
