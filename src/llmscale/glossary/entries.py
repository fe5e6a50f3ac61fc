"""Words by the names that people have for them."""

from __future__ import annotations

from typing import Any

from llmscale.errors import LlmscaleError, NotFoundError
from llmscale.glossary.schema import Figures, Told, Word
from llmscale.names import nearest, normal, shortened
from llmscale.records import NamedTuple
from llmscale.store.tables import table
from llmscale.units import parse_count

#: What stands in an entry for the name that was asked about.
PLACE = "$word"


class Found(NamedTuple):
    """An entry, and the name that it was asked about: its id, or what it stands for."""

    id: str
    name: str
    word: Word


def words() -> list[str]:
    """The ids of all words."""
    return list(table("glossary")["entries"])


def spellings() -> list[str]:
    """All that is answered: ids and aliases."""
    entries = table("glossary")["entries"]
    return [*entries, *(alias for entry in entries.values() for alias in entry["aliases"])]


def find(name: str) -> Found:
    """The word that `name` means, or the one that stands for such names.

    Raises:
        NotFoundError: there is none; the hint has the nearest.
    """
    known = table("glossary")
    kind = _kind(name)
    ids = known["names"].get(normal(name)) or [
        key for key, entry in known["entries"].items() if kind and entry["stands_for"] == kind
    ]
    if not ids:
        near = list(dict.fromkeys(known["names"][spelling][0] for spelling in nearest(name, known["names"])))[:3]
        hint = f"Did you mean {' or '.join(near)}?" if near else "All words: llmscale explain."
        raise NotFoundError(f"The word '{shortened(name)}' is not explained here.", hint)
    word = _word(known["entries"][ids[0]])
    return Found(ids[0], _about(name, ids[0], word, kind), word)


def _about(name: str, found: str, word: Word, kind: str) -> str:
    """What stands in place of ``$word``."""
    if not word.stands_for:
        return found
    return name.strip() if kind == word.stands_for else word.aliases[0]


def _kind(name: str) -> str:
    """Which kind of names it is one of."""
    return "size" if _is_size(name) else "quant" if normal(name) in table("quants")["names"] else ""


def _word(entry: dict[str, Any]) -> Word:
    figures = [Figures(**one) for one in entry["figures"]]
    return Word(**{**entry, "en": Told(**entry["en"]), "zh": Told(**entry["zh"]), "figures": figures})


def _is_size(name: str) -> bool:
    try:
        parse_count(name)
    except LlmscaleError:
        return False
    return not name.strip().isdecimal()
