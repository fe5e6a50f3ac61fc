"""Sentences of another language by the English ones that stand in the code: `data/<language>.yaml`.

An English sentence there has ``{}`` for each thing that it names; the other one has them in the same order, or says
which by number. What is named may be a sentence itself, and is then looked up as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from llmscale.store.tables import table

if TYPE_CHECKING:
    from llmscale.store.yaml_file import YamlFile

GAP = "{}"
_PLACE = re.compile(r"\{(\d?)\}")
_BETWEEN = re.compile(r"(?<=[.:;?!]) +")
#: Nested no deeper than this: a sentence names a sentence that names a word.
DEEPEST = 4


def check(file: YamlFile) -> dict[str, Any]:
    """The table: English to the other language.

    Raises:
        InputFileError: a sentence that names another number of things than the English one.
    """
    told = file.typed(file.mapping("English to another language"), dict[str, str])
    for english, other in told.items():
        places = sorted(_PLACE.findall(other))
        if places not in ([""] * english.count(GAP), [str(at) for at in range(english.count(GAP))]):
            raise file.error((english,), f"'{english[:40]}' does not name as many things in the other language.")
    return told


class Phrases:
    """One language.

    Args:
        told: the table.
    """

    def __init__(self, told: Mapping[str, str]) -> None:
        self._told = told
        # What begins with a small letter is said of something: "has 3 heads".
        self._open = [english for english in told if GAP in english or _has_no_subject(english)]

    def __call__(self, text: str, depth: int = 0) -> str:
        """`text` in the other language, as far as it is known there."""
        if "\n" in text:
            return self._told.get(text) or "\n".join(self(line, depth + 1) for line in text.split("\n"))
        return self._whole(text, depth) or self._in_parts(text, depth)

    def known(self, text: str) -> str:
        """A word or a sentence that names nothing; as it is where it is not known."""
        return self._told.get(text, text)

    def _whole(self, text: str, depth: int) -> str | None:
        """As one sentence, if it is one that is known."""
        if text in self._told:
            return self._told[text]
        return self._like(text, depth) if depth <= DEEPEST and " " in text else None

    def _like(self, text: str, depth: int) -> str | None:
        """By the template that says most of it."""
        for english in sorted(filter(lambda each: _may_be(each, text), self._open), key=_said, reverse=True):
            found = _pattern(english).fullmatch(text)
            if found is not None:
                before, *named = (self(part or "", depth + 1) for part in found.groups())
                return (f"{before} " if before else "") + self._told[english].format(*named)
        return None

    def _in_parts(self, text: str, depth: int) -> str:
        """Sentence by sentence, as many together as stand in one template."""
        parts = _BETWEEN.split(text)
        return "".join(self._pieces(parts, depth)) if len(parts) > 1 else text

    def _pieces(self, parts: list[str], depth: int) -> Iterator[str]:
        at = 0
        while at < len(parts):
            for end in range(len(parts), at, -1):
                piece = " ".join(parts[at:end])
                # Never in parts again: each way to cut a text would be tried within each other one.
                other = self._whole(piece, depth + 1)
                if other is not None or end == at + 1:
                    yield other if other is not None else f"{piece} " if end < len(parts) else piece
                    at = end
                    break


def _has_no_subject(english: str) -> bool:
    return english[:1].islower() and " " in english


def _said(english: str) -> int:
    return len(english.replace(GAP, ""))


def _may_be(english: str, text: str) -> bool:
    """Whether its words stand in the text; most do not, and patterns are slow to make."""
    at = 0
    for part in english.split(GAP):
        at = text.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return True


@cache
def _pattern(english: str) -> re.Pattern[str]:
    """What a sentence of that template looks like; the first group is what stands before one without a subject."""
    body = "(.*?)".join(map(re.escape, english.split(GAP)))
    if _has_no_subject(english):
        return re.compile(rf"(?:(.+?) )?{body}\.?", re.DOTALL)
    return re.compile(f"(){body}", re.DOTALL)


@cache
def phrases(language: str) -> Phrases:
    """The phrases of a language; of English none."""
    return Phrases(table(language) if language in LANGUAGES else {})


#: Languages that have a file.
LANGUAGES = ("zh",)
