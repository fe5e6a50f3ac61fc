"""A model in words: its scale tier, its kind of attention."""

from __future__ import annotations

import pytest

from llmscale import load
from llmscale.model.describe import TIERS, attention, tier


@pytest.mark.parametrize(
    ("count", "name"),
    [
        (10**12, "trillion"),
        (10**12 - 1, "hundred-billion"),
        (7 * 10**9, "billion"),
        (10**10, "ten-billion"),
        (110_000_000, "hundred-million"),
        (10**7, "ten-million"),
        (1, "million"),
    ],
)
def test_tiers(count: int, name: str) -> None:
    assert tier(count).id == name
    assert [t.at_least for t in TIERS] == sorted((t.at_least for t in TIERS), reverse=True)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("gpt2", ["MHA 12"]),
        ("falcon-7b", ["MQA 71:1"]),
        ("llama-3-8b", ["GQA 32:8"]),
        ("deepseek-v3", ["MLA", "512+64"]),
        ("gemma-2-9b", ["GQA 16:8", "window 4,096", "21", "42"]),
        ("gemma-3-27b", ["GQA 32:16", "window 1,024", "52", "62"]),
    ],
)
def test_attention_in_words(model: str, words: list[str]) -> None:
    said = attention(load(model).known())
    assert said is not None
    assert all(word in said for word in words)
    assert attention(load("7B").known()) is None
