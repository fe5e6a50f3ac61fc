"""``params`` on the screen."""

from __future__ import annotations

import csv
import io
import re

import pytest

from llmscale import params
from tests.helpers import good


def test_every_digit_is_printed_when_asked() -> None:
    text = good("params", "llama-2-7b", "--exact").out
    components = params("llama-2-7b").parameters
    assert components is not None
    for size in (components.total, *filter(None, components.components.values())):
        assert f"{size:,}" in text
    assert "6.74 B" in good("params", "llama-2-7b").out


def test_shares_add_up_to_a_hundred() -> None:
    rows = list(csv.DictReader(io.StringIO(good("params", "deepseek-v3", "-o", "csv").out)))
    count = params("deepseek-v3").parameters
    assert count is not None
    top = [
        row
        for row in rows
        if row["component"].lstrip("├└─ ") in count.components and not row["component"].startswith(("│", " "))
    ]
    assert sum(float(row["share_percent"]) for row in top) == pytest.approx(100, abs=0.01)
    assert "100.00 %" in good("params", "deepseek-v3").out


def test_explaining_shows_each_tensor() -> None:
    text = good("params", "gpt2", "--explain").out
    assert re.search(r"50,257 ?x ?768", text)
    assert "124,439,808" in text
    assert "(tied)" in text


def test_undisclosed_models_say_so_and_rumours_are_called_rumours() -> None:
    text = good("params", "gpt-4").out
    assert "undisclosed" in text
    assert "rumour" in text.lower()
    assert "undisclosed" in good("params", "doubao").out
    assert "undisclosed" in good("models", "show", "tars").out
    assert "~200" in good("params", "seed1.5-thinking").out
