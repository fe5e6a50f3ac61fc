"""The screen in another language; JSON is the same in all."""

from __future__ import annotations

import re

import pytest

from tests.cli.commands import COMMANDS
from tests.helpers import environment, good, process


def test_chinese_counts_in_chinese() -> None:
    assert "67.38 亿" in good("estimate", "llama-2-7b", "--lang", "zh").out
    assert "万亿" in good("params", "kimi-k2", "--lang", "zh").out
    assert "亿" not in good("estimate", "llama-2-7b").out


@pytest.mark.parametrize("case", ["params", "compare", "fits", "needs", "devices"])
def test_labels_are_in_chinese(case: str) -> None:
    assert re.search(r"[\u4e00-\u9fff]", good(*COMMANDS[case], "--lang", "zh").out)


@pytest.mark.parametrize(
    ("told", "chinese"),
    [
        ({"LANG": "zh_CN.UTF-8"}, True),
        ({"LANG": "en_GB.UTF-8", "LC_ALL": "zh_TW"}, True),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C.UTF-8"}, False),
        ({"LANG": "zh_CN.UTF-8", "LLMSCALE_LANG": "en"}, False),
        ({"LLMSCALE_LANG": "zh"}, True),
        ({}, False),
    ],
)
def test_the_language_is_that_of_the_locale_unless_told(told: dict[str, str], chinese: bool) -> None:
    assert ("参数量" in process("params", "gpt2", env=environment(**told)).out) is chinese


@pytest.mark.parametrize(
    "case", [["needs", "llama-2-7b"], ["fits", "rtx4090"], ["fits", "rtx4090", "qwen3-8b"], ["compare", "gpt2", "7B"]]
)
def test_no_english_sentence_is_left(case: list[str]) -> None:
    """Names, figures and what one types are no sentences: those are three plain words in a row."""
    lines = [line for line in good(*case, "--lang", "zh").out.splitlines() if "llama-server" not in line]
    assert not [line for line in lines if re.search(r"\b[a-z]+ [a-z]+ [a-z]{2,}\b", line)]


def test_json_is_the_same_in_every_language() -> None:
    english = good("estimate", "llama-2-7b", "-o", "json").json()
    assert good("estimate", "llama-2-7b", "-o", "json", "--lang", "zh").json() == english


def test_quiet_leaves_the_notes_out() -> None:
    assert "~ is not exact" in good("estimate", "7B").out
    assert "~ is not exact" not in good("estimate", "7B", "--quiet").out
    assert "Prices" not in good("needs", "llama-2-7b", "-q", "int4", "--quiet").out
