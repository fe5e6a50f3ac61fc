"""Every error a user can meet: one base, one class per kind.

Each carries *what* went wrong, *why*, and *what to try* (the hint), the exit status of the
command line and the word that JSON prints as ``error.kind``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

#: A word of a message longer than this is no word that anybody reads: its middle is left out. Paths may be longer.
LONGEST_WORD, LONGEST_PATH = 80, 200
#: And so is a whole message.
LONGEST = 900


def legible(text: str) -> str:
    """`text` as one line that a terminal shows and does not obey: escapes are written out, endless words shortened."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text[: 4 * LONGEST])
    if len(text) > LONGEST_WORD:
        text = re.sub(rf"\S{{{LONGEST_WORD + 1},}}", _shortened, text)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def legible_lines(text: str) -> str:
    """The same of a text of several lines, of which each stays one."""
    return "\n".join(map(legible, text.split("\n")))


def _shortened(word: re.Match[str]) -> str:
    text = word[0]
    if ("/" in text or "\\" in text) and len(text) <= LONGEST_PATH:
        return text
    return f"{text[:40]}…{text[-20:]}"


class LlmscaleError(Exception):
    """Base of all errors raised on purpose.

    Args:
        message: what was wrong and why, one sentence or two.
        hint: what to try instead; empty when there is nothing to suggest.
        choices: lines below the hint, of what may be meant.
    """

    kind = "error"
    exit_status = 2

    def __init__(self, message: str, hint: str = "", choices: Iterable[str] = ()) -> None:
        super().__init__(legible(message))
        self.message = legible(message)
        self.hint = legible_lines("\n".join((hint, *choices)))


class UsageError(LlmscaleError):
    """An option, number or unit that cannot be meant (exit status 2)."""

    kind = "usage"
    exit_status = 2


class NotFoundError(LlmscaleError):
    """A model, device or quant that nobody here knows (exit status 3)."""

    kind = "not_found"
    exit_status = 3


class UndisclosedError(NotFoundError):
    """A model whose publisher has not said what the question needs (exit status 3)."""

    kind = "undisclosed"


class InputFileError(LlmscaleError):
    """A file that is missing, unreadable or does not describe a model (exit status 4)."""

    kind = "input_file"
    exit_status = 4


class UnsupportedModelError(InputFileError):
    """A model whose tensors we do not know; refused rather than guessed (exit status 4)."""

    kind = "unsupported_model"


class NetworkError(LlmscaleError):
    """A hub that cannot be reached, refuses, or answers what makes no sense (exit status 5)."""

    kind = "network"
    exit_status = 5
