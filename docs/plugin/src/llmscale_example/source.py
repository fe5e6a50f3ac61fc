"""Sizes in millions, in words: ``110 million``."""

from __future__ import annotations

from llmscale.sources.interface import Claim, Loaded, LoadOptions
from llmscale.sources.literal import load as size

name, needs, assumes = "a size in words", "", False
WORD = " million"


def claims(reference: str) -> Claim:
    """Whether it ends in the word."""
    return Claim.YES if reference.endswith(WORD) else Claim.NO


def load(reference: str, said: LoadOptions) -> Loaded:
    """The size, as llmscale's own reader has it."""
    return size(reference.removesuffix(WORD) + "M", said)
