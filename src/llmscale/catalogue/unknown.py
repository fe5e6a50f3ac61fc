"""That no model goes by a name: those that it may mean, newest first, or those of its family.

What is typed is `read`; several candidates come from `resolve`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from llmscale.catalogue.reading import Reading
from llmscale.catalogue.stems import readings, shared
from llmscale.errors import NotFoundError
from llmscale.names import MOST_LISTED, nearest, shortened
from llmscale.records import NamedTuple
from llmscale.units import format_count


class Typed(NamedTuple):
    """A name and what it is looked for in: the tables of models and of words."""

    models: dict[str, Any]
    naming: dict[str, Any]
    reading: Reading

    @property
    def words(self) -> list[str]:
        """Those of the name that say something."""
        return [word for word in next(readings(self.reading.name)) if word not in self.naming["noise"]]


def unknown(text: str, asked: Typed, several: Sequence[str]) -> NotFoundError:
    """That no model goes by this name, with those that it may mean."""
    typed = shortened(text)
    if text.strip().replace(".", "", 1).isdigit():
        return NotFoundError(f"There is no model called '{typed}'.", f"A size has a unit: {text.strip()}B.")
    if len(several) > 1:
        several = list(dict.fromkeys([*several, *further(asked)]))
        return NotFoundError(f"'{typed}' could be any of {len(several)} models.", *_listed(several, asked))
    near = _relatives(asked)
    if near:
        return NotFoundError(f"There is no model called '{typed}'.", *_listed(near, asked, "Of its family"))
    names = asked.models["names"]
    ids = list(dict.fromkeys(i for name in nearest(text, names) for i in names[name]))
    hint = f"Did you mean {' or '.join(ids[:4])}? " if ids else ""
    # Nothing is asked of a hub that was not named.
    hub = f" hub:{text.strip()} asks the hub." if re.fullmatch(r"[\w.-]+/[\w.-]+", text.strip()) else ""
    return NotFoundError(f"There is no model called '{typed}'.", f"{hint}All: llmscale models list{hub and '.'}{hub}")


def further(asked: Typed) -> Iterator[str]:
    """Models whose names are this one and then figures alone: sizes, as of the two of Gemma 3n, or versions."""
    words = asked.words
    for model_id in asked.models["entries"]:
        own = next(readings(model_id))
        if own[: len(words)] == words and all(re.match(r"[ae]?\d", word) for word in own[len(words) :]):
            yield model_id


def _relatives(asked: Typed) -> list[str]:
    """Models whose names share the family and most words with this one, closest first."""
    words = asked.words
    family = next((word for word in words if word.isalpha() and len(word) > 1), None)
    if family is None:
        return []
    scored: dict[str, int] = {}
    for model_id in asked.models["entries"]:
        own = next(readings(model_id))
        if family in own:
            scored[model_id] = shared(words, own)
    most = max(scored.values(), default=0)
    return [model_id for model_id, score in scored.items() if score == most]


def _listed(ids: Iterable[str], asked: Typed, lead: str = "Name one") -> tuple[str, list[str]]:
    """What heads the list of these models, and its lines."""
    entries = asked.models["entries"]
    newest = sorted(ids, key=lambda one: (entries[one]["released"], one), reverse=True)
    shown = newest[:MOST_LISTED]
    width = max(map(len, shown))
    lines = [f"  {one:<{width}}  {_size(entries[one]):>9}  {entries[one]['released'][:7]}" for one in shown]
    if len(newest) > MOST_LISTED:
        lines.append(f"  and {len(newest) - MOST_LISTED} more: llmscale models list")
    return f"{lead}, newest first:", lines


def _size(entry: dict[str, Any]) -> str:
    count = entry["counted"] or entry["parameters"]
    return format_count(count) if count else "-"
