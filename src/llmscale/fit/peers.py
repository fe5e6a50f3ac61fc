"""Real models of about a given size, which answer for a size whose shape nobody gave."""

from __future__ import annotations

from functools import cache
from math import log
from typing import NamedTuple

from llmscale.catalogue.summaries import Outline, outlines, sizes
from llmscale.formats.recipe import Quant
from llmscale.model.shape import Shape

#: Catalogue models whose size lies within this factor stand for a bare size; at least `FEWEST` of them.
NEIGHBOURHOOD = 1.3
FEWEST = 4


class Peer(NamedTuple):
    """A catalogue model that answers for a bare size."""

    id: str
    parameters: int
    shape: Shape

    def bits(self, quant: Quant) -> float | None:
        """Bits per parameter that its weights take in a quant; None where it cannot be had in it."""
        found = sizes(quant.runtime, self.id).get(quant.id)
        return 8 * found[0] / self.parameters if found else None


def peers(parameters: int, mixture: bool) -> tuple[Peer, ...]:
    """Catalogue decoders about as large: those within `NEIGHBOURHOOD`, at least the `FEWEST` nearest.

    Args:
        parameters: the size asked for.
        mixture: whether a mixture of experts is meant; dense models answer for dense, mixtures for mixtures.
    """
    alike = [
        (abs(log(found.parameters / parameters)), found)
        for found in _decoders()
        if ((found.active or 0) < found.parameters) == mixture
    ]
    alike.sort(key=lambda found: found[0])
    near = [found for found in alike if found[0] <= log(NEIGHBOURHOOD)]
    chosen = near if len(near) >= FEWEST else alike[:FEWEST]
    return tuple(Peer(found.id, found.parameters, Shape.from_json(found.shape or ())) for _, found in chosen)


@cache
def _decoders() -> tuple[Outline, ...]:
    return tuple(filter(_decodes_text, outlines()))


def _decodes_text(found: Outline) -> bool:
    """Of attention alone, and of text: that is what a bare size is taken to mean."""
    if not found.text or not found.shape:
        return False
    drawn = Shape(*found.shape)
    return bool(drawn.caches) and not drawn.states
