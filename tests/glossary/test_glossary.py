"""The words themselves: both languages, no spelling twice, the names that a word stands for, and what is no entry."""

from __future__ import annotations

import re
from typing import Any

import pytest

from llmscale.errors import InputFileError, NotFoundError
from llmscale.glossary.entries import find, spellings, words
from llmscale.glossary.schema import check
from llmscale.store.yaml_file import YamlFile
from tests.helpers import REPOSITORY

HAN = re.compile(r"[\u4e00-\u9fff]")
TOLD = "en: {title: A., text: B.}\n  zh: {title: 甲。, text: 乙。}\n  sources: [s]"


def checked(text: str) -> dict[str, Any]:
    return check(YamlFile("words.yaml", text))


def test_there_are_the_words_that_people_ask_about() -> None:
    assert len(words()) >= 60
    asked = (
        "parameters 6B B T 亿 active quant q4_k_m awq gguf kv gqa mla context loss overhead t/s ttft tp lora qlora "
        "checkpointing chinchilla 显存 量化 键值缓存 上下文长度 词元 词元/秒 激活参数"
    )
    for word in asked.split():
        assert find(word).word.figures, word


@pytest.mark.parametrize("word", words())
def test_every_word_is_told_in_both_languages(word: str) -> None:
    entry = find(word).word
    assert not HAN.search(re.sub("[亿万]", "", entry.en.title))
    assert HAN.search(entry.zh.title)
    assert HAN.search(entry.zh.text)
    assert entry.en.text.endswith(".")
    assert entry.zh.text.endswith("。")
    assert entry.sources
    assert all((REPOSITORY / source).is_file() for source in entry.sources if source.startswith(("docs/", "data/")))


@pytest.mark.parametrize(
    ("typed", "word", "name"),
    [
        ("KV Cache", "kv", "kv"),
        ("kv_cache", "kv", "kv"),
        ("键值缓存", "kv", "kv"),
        ("13B", "6b", "13B"),
        ("6B", "6b", "6B"),
        ("size", "6b", "6B"),
        ("1750亿", "6b", "1750亿"),
        ("Q5_K_S", "a-quant", "Q5_K_S"),
        ("q4_k_m", "q4_k_m", "q4_k_m"),
    ],
)
def test_names_are_found(typed: str, word: str, name: str) -> None:
    found = find(typed)
    assert (found.id, found.name) == (word, name)


@pytest.mark.parametrize(
    ("typed", "hint"),
    [("kvcahe", "kv"), ("tensor-paralel", "tensor parallel"), ("zzzzqq", "llmscale explain"), ("7", "")],
)
def test_what_is_no_word_gets_the_nearest(typed: str, hint: str) -> None:
    with pytest.raises(NotFoundError, match="not explained") as refused:
        find(typed)
    assert hint in refused.value.hint


def test_spellings_are_ids_and_aliases() -> None:
    assert {"kv", "kv cache", "键值缓存"} <= set(spellings())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a:\n  en: {title: A., text: B.}\n", "zh"),
        (f"a:\n  {TOLD}\n  aliases: [c]\nb:\n  {TOLD}\n  aliases: [C]\n", "'c' is 'a' already"),
        (f"a:\n  {TOLD}\n  stands_for: rock\n", "'rock' is none of size, quant"),
        (f"a:\n  {TOLD}\n  see: [b]\n", "there is no word 'b'"),
        ("- a\n", "must map"),
    ],
)
def test_an_entry_that_does_not_fit_is_refused(text: str, told: str) -> None:
    with pytest.raises(InputFileError, match=re.escape(told)):
        checked(text)


def test_a_file_that_fits_is_a_table() -> None:
    table = checked(
        "a:\n  en: {title: A., text: B.}\n  zh: {title: 甲。, text: 乙。 丙。}\n"
        "  aliases: [Alpha, alpha]\n  sources: [s]\n"
    )
    assert table["names"] == {"a": ["a"], "alpha": ["a"]}
    assert table["entries"]["a"]["zh"]["text"] == "乙。丙。"


@pytest.mark.parametrize("word", ["dpo", "kto", "grpo", "ppo", "liger", "rlhf", "RLVR", "强化学习", "reward model"])
def test_words_of_preferences_and_rewards(word: str) -> None:
    assert find(word).word.figures


def test_no_blank_is_left_between_chinese_lines() -> None:
    for word in words():
        assert not re.search(r"[。,;:] [\u4e00-\u9fff]", find(word).word.zh.text), word
