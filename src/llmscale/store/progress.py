"""What takes longer than a moment says so on stderr, where somebody looks: never in a pipe."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")
#: Seconds after which it is said.
MOMENT = 1.0
CLEAR = "\r\033[K"
#: Says it in the language of the screen.
say: Callable[[str], str] = str


def counted(items: Iterable[T], of: int, what: str) -> Iterator[T]:
    """The same items; how many of them are done is said once a moment has passed."""
    begun, shown = time.monotonic(), False
    for at, item in enumerate(items):
        if time.monotonic() - begun > MOMENT and at % max(1, of // 100) == 0:
            shown = _tell(f"{what} {at:,}/{of:,}") or shown
        yield item
    if shown:
        _write(CLEAR)


@contextmanager
def telling(what: str) -> Iterator[None]:
    """Say it while something is done that is known to take long."""
    shown = _tell(what)
    try:
        yield
    finally:
        if shown:
            _write(CLEAR)


#: What is being said: the words of a language are a table as well, which may have to be made first.
_saying: list[str] = []


def _tell(text: str) -> bool:
    """Write it where a person reads; whether one does."""
    if not sys.stderr.isatty() or _saying:
        return False
    _saying.append(text)
    try:
        _write(f"{CLEAR}{say(text)}")
    finally:
        _saying.clear()
    return True


def _write(text: str) -> None:
    encoding = getattr(sys.stderr, "encoding", None) or "utf-8"  # what replaces it may have none
    sys.stderr.write(text.encode(encoding, "replace").decode(encoding))
    sys.stderr.flush()
