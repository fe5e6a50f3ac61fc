"""Lines of a width, broken where the languages break them: between words, and between letters that need no blank."""

from __future__ import annotations

import re
from functools import cache

from rich.cells import cell_len

_WORDS = re.compile(r"\S+|\s+")


@cache
def _letters() -> re.Pattern[str]:
    """A letter that needs no blank around it, with what closes it; a word; blanks. Slow to compile, so only if met."""
    return re.compile(r"[\u2e80-\uffef][\u3001\u3002\u201d\uff09\uff0c\uff1a\uff1b]*|[^\s\u2e80-\uffef]+|\s+")


def wrapped(text: str, width: int) -> list[str]:
    """Lines that are no wider, where no word is."""
    lines, line = list[str](), ""
    for part in (_WORDS if text.isascii() else _letters()).findall(text):
        if line and cell_len(line + part.rstrip()) > width:
            lines.append(line.rstrip())
            line = ""
        line += part if line or part.strip() else ""
    return [*lines, line.rstrip()] if line.strip() else lines
