"""A chunk of a prompt, and how many tokens caches hold once it was read."""

from __future__ import annotations

from llmscale.records import NamedTuple
from llmscale.runtimes.mlx.rules import STEP


class Chunk(NamedTuple):
    """A chunk of a prompt.

    Attributes:
        sequences: prompts that are read at once.
        tokens: of each.
        before: tokens of each that were read before.
        bits: of a weight.
        quantised: the id of the cache's format; empty for 16 bits.
    """

    sequences: int
    tokens: int
    before: int
    bits: float
    quantised: str = ""

    @property
    def rows(self) -> int:
        return self.sequences * self.tokens

    @property
    def total(self) -> int:
        return self.before + self.tokens


def allocated(tokens: int) -> int:
    """Tokens that a cache of so many has room for."""
    return -(-tokens // STEP) * STEP


def kept(tokens: int, window: int | None, chunk: int) -> int:
    """Tokens that a layer holds once a chunk was read: a window and the chunk, or all."""
    return allocated(tokens) if window is None else min(tokens, window + chunk - 1)
