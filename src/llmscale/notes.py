"""What an answer must be read with, as codes: `llmscale.render.words` says each in a language."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field
from typing import Any

from llmscale.records import dataclass


@dataclass(frozen=True)
class Note:
    """Something to say of an answer.

    Attributes:
        code: what is said: ``context_beyond_limit``.
        values: what its sentence names, as JSON knows it.
    """

    code: str
    values: dict[str, Any] = field(default_factory=dict)


def note(code: str, **values: Any) -> Note:
    """A note with these values."""
    return Note(code, values)


def once(notes: Iterable[Note]) -> tuple[Note, ...]:
    """Each note the first time that it comes."""
    found: list[Note] = []
    for one in notes:
        if one not in found:
            found.append(one)
    return tuple(found)
