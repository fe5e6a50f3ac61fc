"""What ``models list`` can be asked for: which of the catalogue's models, and in which order."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from llmscale.answers.results.lists import ModelLine
from llmscale.errors import UsageError
from llmscale.names import normal
from llmscale.records import dataclass
from llmscale.units import parse_count

#: Option -> the field that its word names, exactly or in part.
_WORDS: dict[str, Callable[[ModelLine], str]] = {
    "family": lambda line: line.family,
    "publisher": lambda line: line.publisher,
    "licence": lambda line: line.licence,
    "modality": lambda line: line.modality,
}
#: Orders; all but the id put the largest or the newest first.
_SORTS: dict[str, Callable[[ModelLine], Any]] = {
    "id": lambda line: line.id,
    "parameters": lambda line: line.parameters,
    "active": lambda line: line.active_parameters,
    "released": lambda line: line.released,
    "context": lambda line: line.context,
}
SORTS = tuple(_SORTS)
_MONTH = r"\d{4}(-(0[1-9]|1[0-2]))?"


@dataclass(frozen=True)
class ModelFilter:
    """Which models are wanted; None wants all. What a model does not say, no filter finds.

    Attributes:
        family: published ``model_type``; like `publisher`, `licence` and `modality` a whole value or part of several.
        open: whether the weights can be downloaded.
        low, high: parameters from and to, ``1B``, both included.
        since: released then or later, ``2025`` or ``2025-01``.
        sort: one of `SORTS`; None for the catalogue's order.
    """

    family: str | None = None
    publisher: str | None = None
    licence: str | None = None
    modality: str | None = None
    open: bool | None = None
    low: str | None = None
    high: str | None = None
    since: str | None = None
    sort: str | None = None

    def apply(self, lines: Sequence[ModelLine], catalogue: Sequence[ModelLine]) -> list[ModelLine]:
        """Those of `lines` that are wanted, in the order that is wanted.

        Args:
            catalogue: all models; what they say are the values that can be asked for.

        Raises:
            UsageError: a value that no model of the catalogue has, a size, month or order that cannot be meant.
        """
        low, high = self._sizes()
        if self.since is not None and not re.fullmatch(_MONTH, self.since):
            raise UsageError(f"--since '{self.since[:40]}' is not a month.", "For example 2025 or 2025-01.")
        if self.sort is not None and self.sort not in _SORTS:
            raise UsageError(f"--sort '{self.sort[:40]}' is not known.", f"Known: {', '.join(_SORTS)}.")
        found = list(lines)
        for option, field in _WORDS.items():
            asked: str | None = getattr(self, option)
            if asked is not None:
                wanted = _values(option, asked, map(field, catalogue))
                found = [line for line in found if field(line) in wanted]
        if self.open is not None:
            found = [line for line in found if line.open == self.open]
        if low is not None:
            found = [line for line in found if line.parameters is not None and line.parameters >= low]
        if high is not None:
            found = [line for line in found if line.parameters is not None and line.parameters <= high]
        if self.since is not None:
            found = [line for line in found if line.released >= self.since]
        return found if self.sort is None else _sorted(found, self.sort)

    def _sizes(self) -> tuple[int | None, int | None]:
        low, high = (
            None if text is None else parse_count(text, f"size for {option}")
            for option, text in (("--min", self.low), ("--max", self.high))
        )
        if low is not None and high is not None and low > high:
            raise UsageError(f"--min {self.low} is more than --max {self.high}.", "For example --min 1B --max 30B.")
        return low, high


def _values(option: str, asked: str, fields: Iterable[str]) -> set[str]:
    """The values that `asked` means: the one that it is, else those that it is a part of."""
    known = {field for field in fields if field}
    wanted = normal(asked)
    exact = {value for value in known if normal(value) == wanted}
    if found := exact or {value for value in known if wanted and wanted in normal(value)}:
        return found
    raise UsageError(f"No model has the {option} '{asked[:60]}'.", f"Known: {', '.join(sorted(known, key=str.lower))}.")


def _sorted(lines: list[ModelLine], sort: str) -> list[ModelLine]:
    key = _SORTS[sort]
    known = [line for line in lines if key(line)]
    return sorted(known, key=key, reverse=sort != "id") + [line for line in lines if not key(line)]
