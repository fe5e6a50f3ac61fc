"""What draws an answer: a view makes a `Report` of a result, a writer makes text of either."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from llmscale.records import NamedTuple
from llmscale.render.report import Report
from llmscale.render.words import Words

#: From a result to what a person reads; no number is computed in it.
View = Callable[[Any, Words], Report]


class Look(NamedTuple):
    """How it is to look.

    Attributes:
        width: columns; None for those of the terminal.
        colour: whether colours may be used.
        quiet: without legend and notes.
    """

    width: int | None = None
    colour: bool = True
    quiet: bool = False


class Writer(Protocol):
    """One format of output; a module that has these is one."""

    @property
    def name(self) -> str:
        """What ``-o`` calls it."""
        ...

    @property
    def needs(self) -> str:
        """The extra of llmscale to install; empty for none."""
        ...

    def write(self, result: Any, report: Callable[[], Report], say: Words, style: Look) -> str:
        """The answer as text.

        Args:
            report: makes the view, for what does not write the result itself.
        """
        ...
