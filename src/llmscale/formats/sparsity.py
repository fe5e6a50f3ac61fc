"""Sparse weights: what is left of a number format's bytes when zeros are not stored (``--sparsity 2:4``, ``50%:csr``).

The kept values take their own width, and an index says where they stand:

- 2:4, two of every four neighbours in a row. cuSPARSELt and CUTLASS keep 2 bits for each kept value, which is the one
  bit for each weight of compressed-tensors' sparse-24-bitmask: the same bytes (measured with torch 2.13.0 and
  compressed-tensors 0.9.4, see tests/formats/test_sparsity.py). Marlin-24 does so with 4-bit values.
- A share of zeros anywhere, as a bitmask (compressed-tensors' sparse-bitmask: a bit for each weight and the INT64
  offset of each row) or as CSR (INT32 column of each kept value and INT32 row pointers, cuSPARSE's 32-bit index type).

Only linear layers of the model proper are made sparse, as SparseGPT and llm-compressor do: not the head, not routers,
not a tower. Values that share bytes with their scales (ggml's blocks) or with each other cannot be left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction
from math import prod

from llmscale.errors import UsageError
from llmscale.formats.layout import Format
from llmscale.formats.recipe import StoredTensor, is_linear
from llmscale.records import NamedTuple, dataclass

TWO_OF_FOUR = "2:4"
BITMASK, CSR = "bitmask", "csr"
#: The one format of packed values that a kernel runs sparse: Marlin-24 (4-bit, symmetric, no zero points).
PACKED = {"ct_w4"}
DENSE_COMPONENTS = {"head", "router", "embedding", "vision", "audio", "projector"}
EXAMPLES = "For example 2:4, 50% (kept as a bitmask) or 80%:csr."

_WRITTEN = re.compile(r"(\d+(?:\.\d+)?)\s*%(?::([a-z]+))?", re.IGNORECASE)


class Sparsity(NamedTuple):
    """How much is zero, and how what is kept is found again.

    Attributes:
        kept: share of the weights that are kept.
        store: ``2:4``, ``bitmask`` or ``csr``.
    """

    kept: Fraction
    store: str

    @property
    def name(self) -> str:
        """As one types it."""
        return TWO_OF_FOUR if self.store == TWO_OF_FOUR else f"{float(100 * (1 - self.kept)):g}%:{self.store}"


def parse_sparsity(text: str) -> Sparsity:
    """What ``2:4``, ``50%`` or ``50%:csr`` means.

    Raises:
        UsageError: none of these.
    """
    said = text.strip().lower()
    if said == TWO_OF_FOUR:
        return Sparsity(Fraction(1, 2), TWO_OF_FOUR)
    if re.fullmatch(r"\d+:\d+", said):
        raise UsageError(f"Sparsity {said} is not run by any hardware; 2:4 is.", EXAMPLES)
    found = _WRITTEN.fullmatch(said)
    if found is None:
        raise UsageError(f"'{text}' is no sparsity.", EXAMPLES)
    zeros, index = Fraction(found[1]) / 100, found[2] or BITMASK
    if not 0 < zeros < 1:
        raise UsageError(f"A sparsity of {found[1]}% leaves all or nothing.", EXAMPLES)
    if index not in (BITMASK, CSR):
        raise UsageError(f"There is no sparse index '{index}'.", f"Known: {BITMASK}, {CSR}.")
    return Sparsity(1 - zeros, index)


#: Nothing is left out.
DENSE = Sparsity(Fraction(1), BITMASK)


@dataclass(frozen=True)
class SparseFormat(Format):
    """A number format whose zeros are not stored; `planes` are those of the dense one, values first."""

    sparsity: Sparsity = DENSE

    def size(self, shape: tuple[int, ...]) -> int:
        """Bytes of a tensor: its kept values, their index, and whatever else the dense format has."""
        return sum(self.by_plane(shape))

    def by_plane(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The kept values with their index, and each other plane as it is."""
        *stack, rows, columns = (1, 1, *shape)
        values, *others = self.planes
        kept = kept_values(self.sparsity, rows, columns)
        stored = -(-kept * values.bytes // (values.columns * values.rows))
        dense = Format(self.id, self.name, self.bits, others, self.source, flat=self.flat).by_plane((rows, columns))
        values_and_index = stored + index_bytes(self.sparsity, rows, columns, kept)
        return tuple(prod(stack) * plane for plane in (values_and_index, *dense))

    def holds(self, shape: tuple[int, ...]) -> bool:
        """Whether a tensor of this shape can be kept in it: 2:4 goes by fours."""
        fours = self.sparsity.store != TWO_OF_FOUR or shape[-1] % 4 == 0
        return fours and super().holds(shape)


def kept_values(sparsity: Sparsity, rows: int, columns: int) -> int:
    """How many values of a matrix are not zero: what is pruned is rounded down."""
    weights = rows * columns
    return weights - int(weights * (1 - sparsity.kept))


def index_bytes(sparsity: Sparsity, rows: int, columns: int, kept: int) -> int:
    """Bytes that say where the kept values of a matrix stand."""
    bits = rows * -(-columns // 8)
    return {TWO_OF_FOUR: bits, BITMASK: bits + 8 * rows, CSR: 4 * kept + 4 * (rows + 1)}[sparsity.store]


def sparse(form: Format, sparsity: Sparsity) -> Format:
    """`form` without its zeros.

    Raises:
        UsageError: its values cannot be left out one by one.
    """
    values = form.planes[0]
    single = values.columns == values.rows == 1
    if not single and not (form.id in PACKED and sparsity.store == TWO_OF_FOUR):
        raise UsageError(
            f"{form.name} cannot be kept sparse ({sparsity.name}): its values share their bytes.",
            "Formats of a byte or more a value can (bf16, w8a8, fp8, fp8-dynamic); of 4 bits, w4a16 with 2:4.",
        )
    kept = float(sparsity.kept)
    width = 8 * values.bytes / (values.columns * values.rows)
    index = 32 * kept if sparsity.store == CSR else 1
    return SparseFormat(
        id=f"{form.id}+{sparsity.name}",
        name=f"{form.name} {sparsity.name}",
        bits=form.bits - width * (1 - kept) + index,
        planes=form.planes,
        source=form.source,
        multiple=form.multiple,
        flat=form.flat,
        sparsity=sparsity,
    )


def sparsified(stored: Iterable[StoredTensor], sparsity: Sparsity) -> tuple[StoredTensor, ...]:
    """The linear layers without their zeros, all else as it is.

    Raises:
        UsageError: a linear layer is in a format that cannot be kept sparse.
    """
    return tuple(
        each._replace(form=sparse(each.form, sparsity))
        if is_linear(each.group) and each.group.component not in DENSE_COMPONENTS
        else each
        for each in stored
    )
