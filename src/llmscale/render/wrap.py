"""Lines of a width, broken where the languages break them: between words, and between letters that need no blank."""

from __future__ import annotations

import re
from functools import cache

from rich.cells import cell_len

_WORDS = re.compile(r"\S+|\s+")
#: After what a name may be broken, unless digits stand on both sides: `Qwen3-Next-` `80B`, and never `3.` `5`.
_JOINTS = "-/_,:=."
#: What stands for a blank between a figure and its unit, or a count and what is counted, while lines are made.
_TIE = "\u00a4"


@cache
def _figure() -> re.Pattern[str]:
    units = r"GiB|GB|MiB|GB/s|W|USD|B|M|T|K|s|min|ms|%|\$|FLOP|tokens|tokens/s|bits|bytes"
    return re.compile(rf"(?<=\d) (?=(?:{units})(?![\w-])|词元|亿|万|字节)|(?<=\dx) (?=[a-z])")


@cache
def _letters() -> re.Pattern[str]:
    """A letter that needs no blank around it, with what closes it; a word; blanks. Slow to compile, so only if met."""
    han, closing = r"\u2e80-\uffef", r"[,;:)\u3001\u3002\u201d\uff09\uff0c\uff1a\uff1b]*"
    return re.compile(rf"[^\s{han}]*{_TIE}[{han}]{{1,2}}{closing}|[{han}]{closing}|[^\s{han}]+{closing}|\s+")


def tokens(text: str) -> list[str]:
    """Words and the blanks between them, one after the other; a figure with its unit is one word."""
    tied = _figure().sub(_TIE, text)
    found = (_WORDS if text.isascii() else _letters()).findall(tied)
    return found if tied == text else [token.replace(_TIE, " ") for token in found]


def pieces(word: str) -> list[str]:
    """A word cut after its hyphens and slashes, never between digits."""
    found, start = list[str](), 0
    for at in range(1, len(word)):
        if word[at - 1] not in _JOINTS or word[at] in _JOINTS:
            continue
        if at > 1 and word[at].isdigit() and word[at - 2].isdigit():
            continue
        found.append(word[start:at])
        start = at
    return [*found, word[start:]]


def wrapped(text: str, width: int) -> list[str]:
    """Lines that are no wider, where no word is."""
    return _lines(tokens(text), width)


def broken(text: str, width: int) -> list[str]:
    """Lines that are no wider, where no piece of a word is: a name too long for a line is cut after a hyphen."""
    return _lines(
        [part for word in tokens(text) for part in (pieces(word) if cell_len(word) > width else [word])], width
    )


def hanging(text: str, width: int) -> list[str]:
    """A sentence in lines that keep its indentation."""
    told = text.lstrip(" ")
    blanks = text[: len(text) - len(told)]
    return [blanks + line for line in broken(told, width - len(blanks))] or [""]


def _lines(parts: list[str], width: int) -> list[str]:
    lines, line = list[str](), ""
    for part in parts:
        if line and cell_len(line + part.rstrip()) > width:
            lines.append(line.rstrip())
            line = ""
        line += part if line or part.strip() else ""
    return [*lines, line.rstrip()] if line.strip() else lines
