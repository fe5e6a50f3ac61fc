"""A config.json from standard input (``-``): ``curl … | llmscale params -``."""

from __future__ import annotations

import sys
from functools import cache

from llmscale.errors import InputFileError
from llmscale.sources import config_text
from llmscale.sources.config_json import MAX_BYTES
from llmscale.sources.interface import NOTHING, Claim, Loaded, LoadOptions
from llmscale.sources.json_text import parsed

name, needs, assumes = "standard input", "", True


def claims(reference: str) -> Claim:
    """Whether it is named."""
    return Claim.YES if reference.strip() == "-" else Claim.NO


def load(reference: str, said: LoadOptions = NOTHING) -> Loaded:
    """Count the config that comes.

    Raises:
        InputFileError: nothing comes, no text, too much of it, or no config.
        UsageError, NotFoundError: see `families.from_config`.
    """
    parsed(_text(), "standard input", "a config.json")  # refused in words of its own where it is none
    return config_text.load(_text(), said)


@cache  # what has been read is gone from there
def _text() -> str:
    """All of it.

    Raises:
        InputFileError: nothing, too much, or no text.
    """
    raw = b"" if sys.stdin is None or sys.stdin.isatty() else sys.stdin.buffer.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise InputFileError(f"Standard input has more than {MAX_BYTES:,} bytes, too many for a config.json.")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputFileError("Standard input is not text (UTF-8).", "A config.json is expected.") from None
    if not text.strip():
        raise InputFileError("Nothing comes from standard input.", "For example: llmscale params - < config.json")
    return text
