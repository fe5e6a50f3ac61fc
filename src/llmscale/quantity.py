"""A number of bytes, how it is known, and between what ends it lies."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from llmscale.records import NamedTuple


class Basis(str, Enum):
    """How a number is known; the later, the less."""

    EXACT = "exact"  # follows from the tensors or the file
    MODELLED = "modelled"  # a model of a runtime
    ASSUMED = "assumed"  # the shape had to be guessed; a range is given
    REPORTED = "reported"  # somebody published it
    RUMOURED = "rumoured"


class Quantity(NamedTuple):
    """Bytes, and the least and most they may be."""

    value: int
    low: int
    high: int
    basis: Basis

    @classmethod
    def exactly(cls, value: int, basis: Basis = Basis.EXACT) -> Quantity:
        """A quantity without a range."""
        return cls(value, value, value, basis)

    @classmethod
    def sum(cls, parts: Iterable[Quantity]) -> Quantity:
        """All together, ends with ends, known as the least known of them."""
        value = low = high = 0
        basis = Basis.EXACT
        for part in parts:
            value, low, high = value + part.value, low + part.low, high + part.high
            if part.basis is not basis and _ORDER[part.basis] > _ORDER[basis]:
                basis = part.basis
        return cls(value, low, high, basis)

    def plus(self, more: int) -> Quantity:
        """With so many bytes more, which are known as well as the rest; fewer where it is negative."""
        return Quantity(self.value + more, self.low + more, self.high + more, self.basis) if more else self

    def split(self, shares: Iterable[int]) -> list[Quantity]:
        """Dealt out in proportion to `shares`, to the byte: the parts are the whole again."""
        shares = list(shares)
        if len(shares) == 1:
            return [self]
        ends = [_dealt(end, shares) for end in self[:3]]
        return [Quantity(value, low, high, self.basis) for value, low, high in zip(*ends, strict=True)]


NOTHING = Quantity.exactly(0)
_ORDER = {basis: number for number, basis in enumerate(Basis)}


def _dealt(size: int, shares: list[int]) -> list[int]:
    whole, before, dealt = sum(shares), 0, []
    for share in shares:
        after = before + share
        dealt.append(size * after // whole - size * before // whole)
        before = after
    return dealt
