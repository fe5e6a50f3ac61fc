"""What `data/glossary.yaml` must look like, and the table ``glossary`` that is made of it."""

from __future__ import annotations

import re
from dataclasses import asdict, field
from typing import Any

from llmscale.names import normal
from llmscale.records import dataclass
from llmscale.store.yaml_file import YamlFile

#: Kinds of names that a word may stand for, besides its own.
KINDS = ("", "size", "quant")


@dataclass
class Told:
    """A word in one language: what it is called, and what it means."""

    title: str
    text: str


@dataclass(frozen=True)
class Figures:
    """A table of figures: what is asked, and what is shown of the answers.

    Attributes:
        ask: the command whose answer has them.
        given: what it is asked with, by the name of the argument.
        vary: the argument of which each value of a list is asked about, a row each.
        each: the list of the answer that has a row each; empty where the answer is one row.
        show: where in the row a figure stands, ``memory.total_bytes``; a column each.
    """

    ask: str
    show: list[str]
    given: dict[str, Any] = field(default_factory=dict)
    vary: str = ""
    each: str = ""


@dataclass(frozen=True)
class Word:
    """One entry.

    Attributes:
        stands_for: a kind of names that it explains, each in place of ``$word``; else the first alias stands there.
        ask: lines to type next.
        see: other words.
        sources: where what is said was read.
    """

    en: Told
    zh: Told
    sources: list[str]
    aliases: list[str] = field(default_factory=list)
    figures: list[Figures] = field(default_factory=list)
    ask: list[str] = field(default_factory=list)
    see: list[str] = field(default_factory=list)
    stands_for: str = ""


def check(file: YamlFile) -> dict[str, Any]:
    """The table: entries by id, and of every spelling the ids that go by it.

    Raises:
        InputFileError: an entry that does not fit, a spelling of two words, or a word to see that is none.
    """
    entries = {
        str(name): file.typed(raw, Word, str(name)) for name, raw in file.mapping("words to what they mean").items()
    }
    names: dict[str, list[str]] = {}
    for name, word in entries.items():
        for spelling in {normal(spelt) for spelt in (name, *word.aliases)}:
            if spelling in names:
                raise file.error((name,), f"'{spelling}' is '{names[spelling][0]}' already.")
            names[spelling] = [name]
        if word.stands_for not in KINDS:
            raise file.error((name, "stands_for"), f"'{word.stands_for}' is none of {', '.join(KINDS[1:])}.")
        if lost := [other for other in word.see if other not in entries]:
            raise file.error((name, "see"), f"there is no word '{lost[0]}'.")
    for word in entries.values():  # lines that YAML folds are joined by a blank
        word.zh.text = re.sub(r"(?<=[。,;:、)]) (?=[\u4e00-\u9fff])", "", word.zh.text)
    return {"entries": {name: asdict(word) for name, word in entries.items()}, "names": names}
