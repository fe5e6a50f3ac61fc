"""Real models of about a given size, which answer for a size whose shape nobody gave."""

from __future__ import annotations

from math import log

from llmscale.catalogue.summaries import ModelSummary, summaries, summary
from llmscale.model.shape import Shape
from llmscale.store.tables import table

#: Catalogue models whose size lies within this factor stand for a bare size; at least `FEWEST` of them.
NEIGHBOURHOOD = 1.3
FEWEST = 4
DENSE, MIXTURE = "dense", "mixture"


def neighbours(parameters: int, mixture: bool) -> tuple[ModelSummary, ...]:
    """Catalogue decoders about as large: those within `NEIGHBOURHOOD`, at least the `FEWEST` nearest.

    Args:
        parameters: the size asked for.
        mixture: whether a mixture of experts is meant; dense models answer for dense, mixtures for mixtures.
    """
    sizes: dict[str, int] = table("neighbours")[MIXTURE if mixture else DENSE]
    distances = {one: abs(log(size / parameters)) for one, size in sizes.items()}
    nearest = sorted(distances, key=distances.__getitem__)
    about = sum(distance <= log(NEIGHBOURHOOD) for distance in distances.values())
    return tuple(found for one in nearest[: max(about, FEWEST)] if (found := summary(one)))


def compiled() -> dict[str, dict[str, int]]:
    """The table: parameters of each model that may answer for a size, by id, so that no others are read."""
    sizes: dict[str, dict[str, int]] = {DENSE: {}, MIXTURE: {}}
    for found in filter(_decodes_text, summaries()):
        kind = MIXTURE if (found.active or found.parameters) < found.parameters else DENSE
        sizes[kind][found.id] = found.parameters
    return sizes


def _decodes_text(found: ModelSummary) -> bool:
    """Of attention alone, and of text: that is what a bare size is taken to mean."""
    if not found.text or not found.widths:
        return False
    widths = Shape.from_json(found.widths)
    return bool(widths.caches) and not widths.states
