"""Which language is spoken before any option has been read: of ``--help``, and of errors."""

from __future__ import annotations

import os
from collections.abc import Sequence

from llmscale.render.words import LANGUAGES, Words, words

#: What says it, besides the option.
VARIABLE = "LLMSCALE_LANG"


def settle() -> None:
    """Chinese where the locale is and nobody says otherwise; ``--lang`` and `VARIABLE` do."""
    told = next((os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), "")
    if told.lower().startswith("zh"):
        os.environ.setdefault(VARIABLE, "zh")


def spoken(arguments: Sequence[str]) -> Words:
    """The words for these arguments."""
    found = os.environ.get(VARIABLE, "")
    for at, argument in enumerate(arguments):
        if argument == "--lang" and at + 1 < len(arguments):
            found = arguments[at + 1]
        elif argument.startswith("--lang="):
            found = argument.partition("=")[2]
    return words(found if found in LANGUAGES else LANGUAGES[0])
