"""The words of a model's name, in one spelling: ``Llama-3.1-8B-Instruct`` and ``llama3.1 8b`` have the same.

A name is taken apart into words, versions and sizes and sorted, since people write them in any order; what changes no
tensor (`noise`) can be left out, and so can the number of active parameters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

#: Parameters, in 10^6 to 10^12: 8b, 0.6b, 135m, 1t; e4b and a3b are other words.
_SIZE = r"\d+(?:\.\d+)?[bmt]"
#: Parameters that a token uses: qwen3-30b-a3b, granite-3.0-1b-a400m.
_ACTIVE = rf"a{_SIZE}"
_WORD = re.compile(
    rf"\d+x\d+(?:\.\d+)?b|(?:{_ACTIVE}|e{_SIZE}|{_SIZE}|\d+[kg]|v\d+(?:\.\d+)*)(?![^\W_])|\d+(?:\.\d+)*|[a-z]+|[^\W\d_a-z]+"
)
UNITS = {"m": 10**6, "b": 10**9, "t": 10**12}
#: How far a size in a name may lie from the count: Gemma 7B has 8.5 B, Phi-3 14B 13.96 B.
NEAR = 0.12


def words_of(text: str) -> list[str]:
    """The words of a name, in order; sizes, versions and numbers are words of their own, and v1.0 is v1."""
    return [re.sub(r"^(v\d+)\.0$", r"\1", word) for word in _WORD.findall(unicodedata.normalize("NFKC", text).lower())]


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
    return float(word[:-1]) * UNITS[word[-1]]


def latin(text: str, words: Mapping[str, str]) -> str:
    """A name with the Chinese words of `words` in Latin letters, but for what stands there in them as well."""
    for chinese in sorted(words, key=len, reverse=True):
        if chinese in text:
            rest = text.replace(chinese, " ")
            said = words[chinese] in words_of(rest)
            text = rest if said else text.replace(chinese, f" {words[chinese]} ")
    return text


def stems(models: dict[str, Any], words: dict[str, str], noise: list[str]) -> dict[str, Any]:
    """What names are compared with.

    Returns:
        ``named``: ids by the keys of all spellings, closest first; ``sizeless``: ids by spellings that say no size,
        and ``sized``: by those that do, without it; ``variants``: by key the spelling of a variant; ``owners`` of
        repositories.
    """
    named: dict[str, dict[str, list[str]]] = {"0": {}, "1": {}, "2": {}}
    sizes: dict[str, dict[str, list[str]]] = {"sizeless": {}, "sized": {}}
    variants: dict[str, str] = {}
    owners: set[str] = set()
    for model_id, entry in models["entries"].items():
        aliases = entry["aliases"]
        owners |= {alias.partition("/")[0].lower() for alias in aliases if alias.count("/") == 1}
        apart = {alias.rpartition("/")[2] for alias in entry["variants"]}
        for spelling in dict.fromkeys((model_id, entry["name"], *(alias.rpartition("/")[2] for alias in aliases))):
            for found in readings(latin(spelling, words)):
                for level, stem in enumerate(keys(found, noise)):
                    _add(named[str(level)], stem, model_id)
                    if spelling in apart:
                        variants[stem] = spelling
                plain = [word for word in found if word not in noise and not is_size(word)]
                index = sizes["sized" if any(map(is_size, found)) else "sizeless"]
                for told in (plain, [word for word in plain if not is_active(word)]):
                    _add(index, key(told), model_id)
    return {"named": named, **sizes, "variants": variants, "owners": sorted(owners)}


def _add(index: dict[str, list[str]], stem: str, model_id: str) -> None:
    found = index.setdefault(stem, [])
    if stem and model_id not in found:
        found.append(model_id)


def begins(text: str, spelling: str) -> bool:
    """Whether a name's words begin another's, but for the unit of a size that comes last: llama-2-13 of llama-2-13b."""
    for words in readings(text):
        own = next(readings(spelling))[: len(words)]
        if words and own[:-1] == words[:-1] and own[-1] in (words[-1], *(words[-1] + unit for unit in UNITS)):
            return True
    return False


def shared(words: list[str], own: list[str]) -> int:
    """How many words two names share from their beginning, and one more where a size is the same."""
    same = 0
    for one, other in zip(words, own, strict=False):
        if one != other:
            break
        same += 2
    return same + any(is_size(word) and word in own for word in words)
