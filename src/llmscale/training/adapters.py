"""How many parameters a peft method adds to one module: each tensor of the adapter, one a line.

Source: peft 0.21.2, ``peft/tuners/<method>/layer.py``; tests/truth/training_peft.json
holds every method against the real one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from llmscale.records import NamedTuple
from llmscale.training.modules import Kind, Module


class Added(NamedTuple):
    """What a method adds to one module: shapes of what it trains, and elements that count but are not trained."""

    trained: tuple[tuple[int, ...], ...]
    fixed: int = 0


class Size(NamedTuple):
    """What the user chooses of a method: its rank, or its block size."""

    rank: int
    feed_forward: Sequence[str] = ()


def lora(module: Module, size: Size) -> Added:
    """A (rank, inputs) and B (outputs, rank); of an embedding over its rows and width."""
    return Added(((size.rank, module.inputs), (module.outputs, size.rank)))


def dora(module: Module, size: Size) -> Added:
    """LoRA and a magnitude for each output; peft takes an embedding's over its width."""
    return Added((*lora(module, size).trained, (module.outputs,)))


def adalora(module: Module, size: Size) -> Added:
    """LoRA and a singular value a rank; the rank itself is a parameter that is not trained."""
    return Added((*lora(module, size).trained, (size.rank, 1)), 1)


def loha(module: Module, size: Size) -> Added:
    """Two products of low rank, multiplied entry by entry."""
    return Added(2 * ((module.outputs, size.rank), (size.rank, module.inputs)))


def lokr(module: Module, size: Size) -> Added:
    """A Kronecker product: a small matrix, and a large one that is of low rank where that is smaller."""
    in_small, in_large = factors(module.inputs)
    out_small, out_large = factors(module.outputs)
    small = ((out_small, in_small),)
    if size.rank < max(out_large, in_large) / 2:
        return Added((*small, (out_large, size.rank), (size.rank, in_large)))
    return Added((*small, (out_large, in_large)))


def factors(width: int) -> tuple[int, int]:
    """The two factors of `width` that lie nearest its square root, as peft's ``factorization`` finds them."""
    low = next(low for low in range(int(width**0.5), 0, -1) if width % low == 0)
    return low, width // low


def oft(module: Module, size: Size) -> Added:
    """A rotation of each block of inputs: the entries above its diagonal."""
    block = nearest_divisor(module.inputs, size.rank)
    return Added(((module.inputs // block, block * (block - 1) // 2),))


def nearest_divisor(width: int, block: int) -> int:
    """The block size that peft takes where `block` does not divide `width`; of two as near, the smaller."""
    if block >= width:
        return width
    lower = next(size for size in range(block, 0, -1) if width % size == 0)
    higher = next(size for size in range(block, width + 1) if width % size == 0)
    return lower if block - lower <= higher - block else higher


def vera(module: Module, size: Size) -> Added:
    """Two vectors; the matrices that all modules share are buffers."""
    return Added(((module.outputs,), (size.rank,)))


def ia3(module: Module, size: Size) -> Added:
    """A factor for each output; in feed-forward modules for each input."""
    named = any(module.name == name or module.name.endswith(f".{name}") for name in size.feed_forward)
    return Added(((module.inputs if named else module.outputs,),))


LINEAR = frozenset({Kind.LINEAR, Kind.CONV1D})
#: method -> what it adds to a module
ADDED: dict[str, Callable[[Module, Size], Added]] = {
    "lora": lora,
    "dora": dora,
    "adalora": adalora,
    "loha": loha,
    "lokr": lokr,
    "oft": oft,
    "vera": vera,
    "ia3": ia3,
}
#: method -> kinds of module that peft's class of it takes; others are refused
TAKES: dict[str, frozenset[Kind]] = {
    "lora": LINEAR | {Kind.EMBEDDING},
    "dora": LINEAR | {Kind.EMBEDDING},
    "adalora": LINEAR,
    "loha": frozenset({Kind.LINEAR}),
    "lokr": frozenset({Kind.LINEAR}),
    "oft": frozenset({Kind.LINEAR}),
    "vera": LINEAR,
    "ia3": LINEAR,
}
#: method -> rank (block size, for OFT) where none is named: the defaults of peft's config classes
DEFAULT_RANK = {
    "lora": 8,
    "dora": 8,
    "adalora": 12,
    "loha": 8,
    "lokr": 8,
    "oft": 32,
    "vera": 256,
    "ia3": 1,
}
