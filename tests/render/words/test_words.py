"""The words of the output by language: labels, the sentences of notes, numbers."""

from __future__ import annotations

import ast
import string
from pathlib import Path

import pytest

import llmscale
from llmscale.notes import note
from llmscale.render.words import LANGUAGES, en, words, zh

SOURCE = Path(llmscale.__file__).parent


def test_every_chinese_word_is_chinese_and_an_unknown_one_stays() -> None:
    say = words("zh")
    assert say("Model") == "模型"
    assert say("Nobody translated this") == "Nobody translated this"
    assert words("en")("Model") == "Model"
    assert all(any(ord(letter) > 0x3000 for letter in text) for text in zh.LABELS.values())


def codes() -> set[str]:
    """Every code of a note that the source names."""
    found = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            named = isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("note", "Note")
            if named and node.args and isinstance(node.args[0], ast.Constant):
                found.add(node.args[0].value)
    return found


def test_every_code_has_a_sentence_and_no_sentence_is_without_its_code() -> None:
    assert codes() == en.SENTENCES.keys()
    assert set(zh.SENTENCES) <= set(en.SENTENCES)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_sentence_has_the_values_of_its_note(lang: str) -> None:
    told = note("context_beyond_limit", context=8192, limit=2048)
    assert "8,192" in words(lang).sentence(told)
    assert "2,048" in words(lang).sentence(told)


def test_a_sentence_of_another_language_names_the_same_values() -> None:
    for code, form in zh.SENTENCES.items():
        english = en.SENTENCES[code]
        if isinstance(form, str) and isinstance(english, str):
            assert fields(form) == fields(english), code


def fields(form: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(form) if name}


def test_counts_by_language() -> None:
    assert words("en").count(6_738_415_616) == "6.74 B"
    assert words("zh").count(6_738_415_616) == "67.38 亿"
    assert words("zh").count(None) == "-"
