"""Which models of the catalogue are worth naming to somebody who asks what to run, and which of them first.

A model is worth it when its weights can be downloaded, it is for what is asked, and nothing newer of its line and size
is there. What it is for follows from its modality and from the words of its publisher's name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import takewhile
from typing import Any, NamedTuple

from llmscale.catalogue.entries import models
from llmscale.errors import UsageError

#: Purpose -> words of a name that say it; names are taken apart at hyphens.
WORDS: dict[str, frozenset[str]] = {
    "rerank": frozenset(("rerank", "reranker")),
    "embedding": frozenset(("embedding", "embed", "bge", "gte", "e5", "minilm")),
    "code": frozenset(("coder", "code", "codellama", "codegemma", "codestral", "devstral", "starcoder", "codegen")),
    "reason": frozenset(("r1", "qwq", "thinking", "think", "reasoning", "magistral", "math")),
}
#: Modality -> purposes that it is good for by itself.
MODALITIES: dict[str, frozenset[str]] = {
    "text": frozenset({"chat"}),
    "multimodal": frozenset({"chat", "vision"}),
    "audio": frozenset({"speech"}),
}
#: What models do that write text, and what others do.
WRITE = ("chat", "code", "reason", "vision")
PURPOSES = (*WRITE, "embedding", "rerank", "speech")
#: Models that are made for one of these do nothing else.
ALONE = ("rerank", "embedding")
#: A newer one of a line takes the place of an older one when its parameters are so many times the older one's.
LIKE = (0.7, 1.25)
#: Months after which a model that writes is not named among others: counted back from the newest of the catalogue.
RECENT = 24
#: Active parameters below this share of all make a mixture of experts, which is of another kind than a dense model.
SPARSE = 0.8
#: Parts of a name that are a size, a version or an update, and so no part of its line.
_SIZE_OR_VERSION = re.compile(r"[ae]?\d+(\.\d+)?[bm]?|\d+x\d+(\.\d+)?b|v\d+(\.\d+)*|\d{4,}")


class Worth(NamedTuple):
    """What decides whether a model is named, and where.

    Attributes:
        line: publisher and name without sizes and versions.
        month: of its release, counted from January of year 0; 0 when nobody says.
        scores: what is reported of its quality: value and date by the name of the test.
    """

    id: str
    line: tuple[str, ...]
    purposes: frozenset[str]
    open: bool
    month: int
    released: str
    licence: str
    parameters: int
    sparse: bool
    scores: Mapping[str, tuple[float, str]]


def worths(catalogue: str | None) -> dict[str, Worth]:
    """Of every model of the catalogue, by id."""
    return {key: _worth(key, entry) for key, entry in models(catalogue)["entries"].items()}


def _worth(key: str, entry: Mapping[str, Any]) -> Worth:
    total = entry.get("counted") or entry.get("parameters") or 0
    active = entry.get("counted_active") or entry.get("active_parameters") or total
    words = key.split("-")
    return Worth(
        id=key,
        line=(entry["publisher"], *_line(words)),
        purposes=_purposes(words, entry["modality"]),
        open=entry["open"],
        month=month(entry["released"]),
        released=entry["released"],
        licence=entry["licence"],
        parameters=total,
        sparse=active < SPARSE * total,
        scores={one["name"]: (float(one["value"]), str(one["date"])) for one in entry.get("scores") or ()},
    )


def _line(words: Iterable[str]) -> list[str]:
    """A name without sizes, versions and digits at the ends of words: ``qwen2.5-coder-7b`` is of qwen, coder."""
    named = (re.sub(r"[\d.]+$", "", word) for word in words if not _SIZE_OR_VERSION.fullmatch(word))
    return [word for word in named if word]


def _purposes(words: Iterable[str], modality: str) -> frozenset[str]:
    plain = {form for word in words for form in (word, *_line([word]))}
    said = [purpose for purpose, telling in WORDS.items() if telling & plain]
    alone = next((purpose for purpose in ALONE if purpose in said), None)
    return frozenset({alone}) if alone else frozenset(said) | MODALITIES.get(modality, frozenset())


def month(released: str) -> int:
    """``2025-04`` as a number of months; 0 for what is no date."""
    found = re.fullmatch(r"(\d{4})(?:-(\d\d))?.*", released)
    return 12 * int(found[1]) + int(found[2] or 1) - 1 if found else 0


def ranked_by(known: Iterable[Worth]) -> str:
    """The test that most of them have a score of: scores of two tests are never mixed. Empty where none has one."""
    count: dict[str, int] = {}
    for name in (name for one in known for name in one.scores):
        count[name] = count.get(name, 0) + 1
    return max(count, key=lambda name: (count[name], name)) if count else ""


def worthwhile(known: Mapping[str, Worth], purpose: str | None = None, licence: str | None = None) -> set[str]:
    """The ids of those that are worth naming.

    Raises:
        UsageError: a purpose that no model can be for.
    """
    if purpose is not None and purpose not in PURPOSES:
        raise UsageError(f"--for '{purpose[:40]}' is not known.", f"One of: {', '.join(PURPOSES)}.")
    wanted = purpose or "chat"
    newest = max((one.month for one in known.values()), default=0)
    meant = [
        one
        for one in known.values()
        if one.open and wanted in one.purposes and (licence is None or licence.lower() in one.licence.lower())
    ]
    oldest = newest - RECENT if wanted in WRITE else 0
    lines: dict[tuple[Any, bool], list[Worth]] = {}
    for one in sorted(meant, key=lambda one: -one.month):
        lines.setdefault((one.line, one.sparse), []).append(one)
    return {one.id for one in meant if one.month >= oldest and not _replaced(one, lines[one.line, one.sparse])}


def _replaced(old: Worth, line: Iterable[Worth]) -> bool:
    """Whether a newer one of its line, of which the newest come first, is about as large."""
    least, most = (factor * old.parameters for factor in LIKE)
    newer = takewhile(lambda new: new.month > old.month, line)
    return any(least <= new.parameters <= most for new in newer)
