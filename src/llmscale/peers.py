"""Real models of about a given size, which answer for a size whose shape nobody gave."""

from __future__ import annotations

from math import log
from typing import NamedTuple

from llmscale.data import table
from llmscale.formats.recipe import Quant
from llmscale.shape import Shape

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
        found = table("gguf_sizes" if quant.kind == "gguf" else "sizes")[self.id].get(quant.id)
        return 8 * found[0] / self.parameters if found else None


def peers(parameters: int, mixture: bool) -> tuple[Peer, ...]:
    """Catalogue decoders about as large: those within `NEIGHBOURHOOD`, at least the `FEWEST` nearest.

    Args:
        parameters: the size asked for.
        mixture: whether a mixture of experts is meant; dense models answer for dense, mixtures for mixtures.
    """
    alike = [
        (abs(log(size / parameters)), model_id, size, shape)
        for model_id, size, active, shape in table("peers")["decoders"]
        if (active < size) == mixture
    ]
    alike.sort(key=lambda found: found[0])
    near = [found for found in alike if found[0] <= log(NEIGHBOURHOOD)]
    chosen = near if len(near) >= FEWEST else alike[:FEWEST]
    return tuple(Peer(model_id, size, Shape.from_json(shape)) for _, model_id, size, shape in chosen)
