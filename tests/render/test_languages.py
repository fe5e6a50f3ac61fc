"""The screen in another language; JSON is the same in all."""

from __future__ import annotations

import re

import pytest

from tests.cli.commands import COMMANDS
from tests.helpers import good


def test_chinese_counts_in_chinese() -> None:
    assert "67.38 亿" in good("estimate", "llama-2-7b", "--lang", "zh").out
    assert "万亿" in good("params", "kimi-k2", "--lang", "zh").out
    assert "亿" not in good("estimate", "llama-2-7b").out


@pytest.mark.parametrize("case", ["params", "compare", "fits", "needs", "devices"])
def test_labels_are_in_chinese(case: str) -> None:
    assert re.search(r"[\u4e00-\u9fff]", good(*COMMANDS[case], "--lang", "zh").out)


def test_json_is_the_same_in_every_language() -> None:
    english = good("estimate", "llama-2-7b", "-o", "json").json()
    assert good("estimate", "llama-2-7b", "-o", "json", "--lang", "zh").json() == english


def test_quiet_leaves_the_notes_out() -> None:
    assert "~ is not exact" in good("estimate", "7B").out
    assert "~ is not exact" not in good("estimate", "7B", "--quiet").out
    assert "Prices" not in good("needs", "llama-2-7b", "-q", "int4", "--quiet").out
