"""A bare size: ``7B``, ``1.1亿``, ``8x7B``, ``30B-A3B``. Weights follow exactly, everything else is assumed."""

from __future__ import annotations

import re

from llmscale.errors import UsageError
from llmscale.model.spec import ModelSpec, PlacedBlock, Tensor
from llmscale.quantity import Basis
from llmscale.records import NamedTuple
from llmscale.sources.interface import NOTHING, Claim, Loaded, LoadOptions
from llmscale.units import format_count, parse_count, whole

name, needs, assumes = "a size", "", False
# Patterns are compiled when first tried: compiling all of them takes longer than any estimate.
_SIZE = r"[\d.,]+(?:e[+-]?\d+)?\s*(?:万亿|[kmbt万亿])"
_ACTIVE = rf"({_SIZE})\s*-?\s*a({_SIZE})"
_EXPERTS = rf"(\d+)\s*[x×]\s*({_SIZE})"
#: Looks like a size that went wrong (``-7B``, ``nanB``, ``infB``): better a word on sizes than on names.
_DAMAGED = r"(?:[+-]?(?:nan|inf(?:inity)?)|[+-][\d.]+(?:e[+-]?\d+)?|0[\d.]*)\s*(?:万亿|[kmbt万亿])?"

#: Mixtral routes each token to two experts (arXiv:2401.04088); the name 8x7B says nothing of it.
EXPERTS_USED = 2
#: Mixtral 8x22B has 140.6 B of 176 B: experts of a real mixture share attention and embeddings.
SHARED_FLOOR = 0.79
MAX_EXPERTS = 10_000


class Opaque(NamedTuple):
    """Weights of which only the number is known: `used` of them by every token, the rest by some."""

    used: int
    idle: int

    def tensors(self) -> list[Tensor]:
        weights = Tensor("weights", "other.weights", (self.used,))
        return (
            [weights, Tensor("idle_experts", "experts.idle", (self.idle,), experts_used=0)] if self.idle else [weights]
        )

    def cache(self) -> None:
        return None


def claims(reference: str) -> Claim:
    """Whether `reference` has the form of a size, a damaged one included."""
    return Claim.YES if any(_match(form, reference) for form in (_SIZE, _ACTIVE, _EXPERTS, _DAMAGED)) else Claim.NO


def _match(form: str, reference: str) -> re.Match[str] | None:
    return re.fullmatch(form, reference.strip(), re.IGNORECASE)


def load(reference: str, said: LoadOptions = NOTHING) -> Loaded:
    """Read a size.

    Raises:
        UsageError: not positive, not whole, or beyond anything announced.
    """
    text = reference.strip()
    name = text.replace(" ", "")
    if match := _match(_ACTIVE, text) if "a" in text.lower() else None:
        total, active = parse_count(match[1], "model size"), parse_count(match[2], "number of active parameters")
        if active > total:
            raise UsageError(f"'{text}' has more active parameters than parameters.", "For example 30B-A3B.")
        return _spec(name, Opaque(active, total - active))
    if match := _match(_EXPERTS, text) if "x" in text.lower() or "×" in text else None:
        return _experts(name, whole(match[1]), parse_count(match[2], "model size"))
    return _spec(name, Opaque(parse_count(text, "model size"), 0))


def _experts(name: str, count: int, size: int) -> Loaded:
    if not 1 <= count <= MAX_EXPERTS:
        raise UsageError(f"'{name}' names {count} experts; between 1 and {MAX_EXPERTS:,} are possible.")
    total, used = count * size, min(count, EXPERTS_USED) * size
    note = (
        f"'{name}' is taken as {count} x {format_count(size)} = {format_count(total)}, the most it can be: experts "
        "of real mixtures share attention and embeddings (Mixtral 8x7B has 46.7 B). Name the model to be exact."
    )
    return _spec(name, Opaque(used, total - used), (int(total * SHARED_FLOOR), total), (note,))


def reported(name: str, total: int, active: int | None, basis: Basis, context: int | None) -> ModelSpec:
    """The spec of a model whose size is published and whose shape is not."""
    used = min(active or total, total)
    return ModelSpec(
        id="",
        name=name,
        source="",
        family="literal",
        placed=(PlacedBlock("", Opaque(used, total - used)),),
        basis=basis,
        max_context=context,
    )


def _spec(
    name: str, weights: Opaque, size_range: tuple[int, int] | None = None, warnings: tuple[str, ...] = ()
) -> Loaded:
    return Loaded(
        ModelSpec(
            id=name,
            name=name,
            source="size literal",
            family="literal",
            placed=(PlacedBlock("", weights),),
            basis=Basis.ASSUMED,
            parameters_range=size_range,
            warnings=warnings,
        )
    )
