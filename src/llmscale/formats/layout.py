"""Number formats as data (`data/formats.yaml`): how the weights of one tensor lie in memory, and the bytes they take.

A matrix has rows (outputs) and columns (inputs), as a linear layer's weight has them. Its bytes are a sum over
*planes*: the values, the scales, the zero points. A plane takes so many bytes for every block of so many rows and
columns, a partial block as much as a whole one. Two planes say it all for most formats: GPTQ's int32 that holds eight
4-bit values of a row and its FP16 scale for 128 of them, DeepSeek's FP8 byte and its FP32 scale for 128 x 128.
A format knows no model.
"""

from __future__ import annotations

from dataclasses import field, replace
from math import prod
from typing import Any

from llmscale.records import NamedTuple, dataclass

#: Between a format's id and the bits that its values take instead: ``average@4.25``.
AT = "@"


class Plane(NamedTuple):
    """`bytes` for every block of `rows` x `columns`; 0 rows or columns are all that the matrix has."""

    bytes: int
    columns: int = 1
    rows: int = 1


@dataclass(frozen=True)
class Format:
    """A number format.

    Attributes:
        bits: bits per weight that its authors state, of a large matrix.
        planes: what every matrix takes, plane by plane; see the module.
        multiple: a row (a matrix, where blocks run on) must be a multiple of so many columns, else it cannot be held.
        flat: whether blocks run on over the ends of rows, as if the matrix were one row.
        kv: whether a KV cache can be kept in it.
    """

    id: str
    name: str
    bits: float
    planes: list[Plane]
    source: str
    multiple: int = 1
    flat: bool = False
    kv: bool = False
    aliases: list[str] = field(default_factory=list)
    note: str = ""

    @classmethod
    def of(cls, entry: dict[str, Any]) -> Format:
        """A format from the compiled table."""
        return cls(**{**entry, "planes": [Plane(*plane) for plane in entry["planes"]]})

    def at(self, bits: float) -> Format:
        """The format with values of so many bits on average (its first plane), for tools that mix widths."""
        values = self.planes[0]._replace(bytes=round(self.planes[0].bytes * bits / self.bits))
        named = {"id": f"{self.id}{AT}{bits:g}", "name": f"{self.name} at {bits:g} bits", "bits": bits}
        return replace(self, planes=[values, *self.planes[1:]], aliases=[], **named)  # type: ignore[arg-type]

    def size(self, shape: tuple[int, ...]) -> int:
        """Bytes of a tensor: a scalar, a row, a matrix (rows, columns), or a stack of matrices."""
        *stack, rows, columns = (1, 1, *shape)
        if self.flat:
            rows, columns = 1, rows * columns
        matrix = sum(
            plane.bytes * -(-rows // (plane.rows or rows)) * -(-columns // (plane.columns or columns))
            for plane in self.planes
        )
        return prod(stack) * matrix

    def by_plane(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """`size` of each plane by itself: tensors of their own in memory."""
        return tuple(replace(self, planes=[plane]).size(shape) for plane in self.planes)

    def row(self, columns: int) -> int:
        """`size` of a row, which the caches of hundreds of models are asked for."""
        total = 0
        for size, block, _ in self.planes:
            total += size * -(-columns // (block or columns))
        return total

    def holds(self, shape: tuple[int, ...]) -> bool:
        """Whether a tensor of this shape can be kept in it."""
        return prod(shape[-2:] if self.flat else shape[-1:]) % self.multiple == 0
