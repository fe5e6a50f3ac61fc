"""The words of a model's name, in one spelling: ``Llama-3.1-8B-Instruct`` and ``llama3.1 8b`` have the same.

A name is taken apart into words, versions and sizes and sorted, since people write them in any order; what changes no
tensor (`noise`) can be left out, and so can the number of active parameters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping

#: Parameters, in 10^6 to 10^12: 8b, 0.6b, 135m, 1t; e4b and a3b are other words.
_SIZE = r"\d+(?:\.\d+)?[bmt]"
#: Parameters that a token uses: qwen3-30b-a3b, granite-3.0-1b-a400m.
_ACTIVE = rf"a{_SIZE}"
_WORD = re.compile(
    rf"\d+x\d+(?:\.\d+)?b|(?:{_ACTIVE}|e{_SIZE}|{_SIZE}|\d+[kg]|v\d+(?:\.\d+)*)(?![^\W_])|\d+(?:\.\d+)*|[a-z]+|[^\W\d_a-z]+"
)
_UNITS = {"m": 10**6, "b": 10**9, "t": 10**12}
#: How far a size in a name may lie from the count: Gemma 7B has 8.5 B, Phi-3 14B 13.96 B.
NEAR = 0.12


def words_of(text: str) -> list[str]:
    """The words of a name, in order; sizes, versions and numbers are words of their own."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).lower())


def readings(text: str) -> Iterator[list[str]]:
    """The words of a name whose underscores between digits separate them, then of one where they stand for dots."""
    yield words_of(text)
    dotted = re.sub(r"(?<=\d)_(?=\d)", ".", text)
    if dotted != text:
        yield words_of(dotted)


def key(words: Iterable[str]) -> str:
    """What names of the same words have in common."""
    return " ".join(sorted(set(words)))


def keys(words: list[str], noise: Collection[str]) -> list[str]:
    """The keys of a name, the closest first: all its words, those that count, and without the active parameters."""
    plain = [word for word in words if word not in noise]
    told = [words, plain, [word for word in plain if not is_active(word)]]
    return list(dict.fromkeys(key(found) for found in told if found))


def is_size(word: str) -> bool:
    """Whether a word is a number of parameters."""
    return re.fullmatch(_SIZE, word) is not None


def is_active(word: str) -> bool:
    """Whether a word is a number of active parameters."""
    return re.fullmatch(_ACTIVE, word) is not None


def size_of(word: str) -> float:
    """The parameters that a size says."""
    return float(word[:-1]) * _UNITS[word[-1]]


def latin(text: str, words: Mapping[str, str]) -> str:
    """A name with the Chinese words of `words` in Latin letters."""
    for chinese in sorted(words, key=len, reverse=True):
        if chinese in text:
            text = text.replace(chinese, f" {words[chinese]} ")
    return text
