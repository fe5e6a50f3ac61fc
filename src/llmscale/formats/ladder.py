"""The quants of one runtime from the least loss to the most: the steps that somebody goes down until a model fits."""

from __future__ import annotations

from collections.abc import Iterable

from llmscale.formats.catalogue import quants
from llmscale.formats.recipe import Quant

#: Where a model cannot be had in any quant of the runtime asked for, it is run from its published files.
FALLBACK = "transformers"
#: Wider than any model is published or run in: never worth a step.
WIDEST = 16


def ladder(runtime: str) -> list[Quant]:
    """All quants of `runtime` of at most 16 bits, the better first."""
    return by_quality([quant for quant in quants() if quant.runtime == runtime and quant.bits <= WIDEST])


def by_quality(steps: Iterable[Quant]) -> list[Quant]:
    """The better first: by the loss that was measured, between those by bits."""
    return sorted(steps, key=lambda quant: -quant.bits)
