"""The words of the output by language: labels, the sentences of notes, numbers."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Protocol

from llmscale.notes import Note
from llmscale.store.phrases import phrases
from llmscale.units import format_count

LANGUAGES = ("en", "zh")


class Words(Protocol):
    """One language.

    Attributes:
        lang: ``en`` or ``zh``.
    """

    lang: str

    def __call__(self, text: str) -> str:
        """A label that is English, in this language; what has no translation stays."""
        ...

    def sentence(self, told: Note) -> str:
        """What a note says."""
        ...

    def count(self, value: int | None) -> str:
        """A count for people, a dash when there is none."""
        ...

    def phrase(self, text: str) -> str:
        """A sentence that stands in the code in English, in this language."""
        ...


class _Language:
    """The tables of a module of this folder."""

    def __init__(self, lang: str) -> None:
        self.lang = lang
        self._own, self._english = (import_module(f"{__name__}.{name}") for name in (lang, "en"))

    def __call__(self, text: str) -> str:
        return str(self._own.LABELS.get(text) or phrases(self.lang).known(text))

    def sentence(self, told: Note) -> str:
        form = self._own.SENTENCES.get(told.code) or self._english.SENTENCES[told.code]
        return str(form(told.values) if callable(form) else form.format(**told.values))

    def phrase(self, text: str) -> str:
        return phrases(self.lang)(text)

    def count(self, value: int | None) -> str:
        return "-" if value is None else format_count(value, self.lang)


@cache
def words(lang: str) -> Words:
    """The words of a language, ``en`` or ``zh``."""
    return _Language(lang)
