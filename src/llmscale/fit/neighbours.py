"""Real models of about a given size, which answer for a size whose shape nobody gave."""

from __future__ import annotations

from math import log

from llmscale.catalogue.summaries import ModelSummary, summaries
from llmscale.model.shape import Shape

#: Catalogue models whose size lies within this factor stand for a bare size; at least `FEWEST` of them.
NEIGHBOURHOOD = 1.3
FEWEST = 4


def neighbours(parameters: int, mixture: bool) -> tuple[ModelSummary, ...]:
    """Catalogue decoders about as large: those within `NEIGHBOURHOOD`, at least the `FEWEST` nearest.

    Args:
        parameters: the size asked for.
        mixture: whether a mixture of experts is meant; dense models answer for dense, mixtures for mixtures.
    """
    sized = (
        (abs(log(found.parameters / parameters)), found)
        for found in summaries()
        if ((found.active or found.parameters) < found.parameters) == mixture
    )
    chosen: list[ModelSummary] = []
    for distance, found in sorted(sized, key=lambda pair: pair[0]):
        if distance > log(NEIGHBOURHOOD) and len(chosen) >= FEWEST:
            break
        if _decodes_text(found):
            chosen.append(found)
    return tuple(chosen)


def _decodes_text(found: ModelSummary) -> bool:
    """Of attention alone, and of text: that is what a bare size is taken to mean."""
    if not found.text or not found.widths:
        return False
    widths = Shape.from_json(found.widths)
    return bool(widths.caches) and not widths.states
