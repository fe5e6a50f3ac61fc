"""What is asked of a picture, whatever its kind; and the names of numbers that several kinds write."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from llmscale import __version__
from llmscale.pictures.picture import Picture
from llmscale.records import NamedTuple
from llmscale.render.words import Words
from llmscale.units import GIB

#: Contexts that a picture goes through where none is named: from the first of these that the model reaches, doubled.
FIRST_CONTEXTS, LAST_CONTEXT = (1 << 10, 1 << 6), 1 << 17
#: Lines and bars that a picture has room for.
MOST_LINES, MOST_BARS = 7, 20


class PictureAsked(NamedTuple):
    """The question.

    Attributes:
        subject: the model or the device; empty where the kind takes none.
        context: the longest; None for the model's own limit, and no longer than `LAST_CONTEXT`.
        parts: whether what the bytes are for is wanted.
    """

    subject: str = ""
    quants: tuple[str, ...] = ()
    context: int | None = None
    batch: int = 1
    kv_dtype: str = "fp16"
    runtime: str | None = None
    gpu: str | None = None
    reserve: str | None = None
    options: Mapping[str, Any] = {}
    parts: bool = False
    catalogue: str | None = None


class Kind(Protocol):
    """One kind of picture; a module that has these is one."""

    @property
    def takes(self) -> str:
        """``model``, ``device``, ``model on device`` or nothing."""
        ...

    @property
    def draw(self) -> Callable[[PictureAsked, Words], Picture]:
        """Asks `llmscale.answers` and lays the answer out."""
        ...


def contexts(asked: PictureAsked, first: int) -> Iterator[int]:
    """Powers of two from `first` up to the longest that is asked for, and that one."""
    last = asked.context or LAST_CONTEXT
    tokens = min(first, last)
    while tokens < last:
        yield tokens
        tokens *= 2
    yield last


def tokens_label(tokens: float) -> str:
    """``8k`` for 8,192 as context lengths are named; others as they are."""
    whole = int(tokens)
    return f"{whole // 1024}k" if whole >= 1024 and whole % 1024 == 0 else f"{whole:,}"


def short_count(say: Words, value: float) -> str:
    """A round number of parameters for an axis: ``100 B``."""
    number, _, unit = say.count(int(value)).partition(" ")
    return f"{number.rstrip('0').rstrip('.') if '.' in number else number} {unit}".rstrip()


def plain(value: float) -> str:
    """A number without digits that say nothing."""
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:,.2g}"


def gibs(size: int) -> float:
    """Bytes as GiB."""
    return size / GIB


def made_by(runtime: str = "", release: str = "") -> str:
    """The last line of a caption: what computed the figures."""
    return ", ".join(part for part in (f"llmscale {__version__}", f"{runtime} {release}".strip()) if part)
