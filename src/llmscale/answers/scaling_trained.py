"""How long the catalogue's models were trained, where their makers say so."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.answers.results.scaling import TrainedLine
from llmscale.catalogue.entries import entries, lookup
from llmscale.catalogue.entry import ModelEntry
from llmscale.catalogue.summaries import summary
from llmscale.errors import NotFoundError
from llmscale.training.scaling import Law


def trained_models(reference: str | None, everything: bool, law: Law) -> Iterator[TrainedLine]:
    """All models, or the one that is named; parameters are those that a token touches."""
    chosen = entries() if everything else _named(reference)
    for entry in chosen:
        found = summary(entry.id)
        size = (found.active or found.parameters) if found else None
        if entry.training_tokens and size:
            tokens = entry.training_tokens
            yield TrainedLine(entry.id, size, tokens, tokens / size, tokens / law.tokens_for(float(size)))


def _named(reference: str | None) -> Iterator[ModelEntry]:
    if reference is None:
        return
    try:
        yield lookup(reference)
    except NotFoundError:  # a file, of which nobody says how long it was trained
        return
