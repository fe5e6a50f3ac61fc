"""A number of bytes, how it is known, and between what ends it lies."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Basis(str, Enum):
    """How a number is known."""

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
