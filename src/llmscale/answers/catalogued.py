"""All catalogue models at once, from what was computed when the catalogue was compiled: nothing is counted again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

from llmscale.catalogue import entries as model_catalogue
from llmscale.catalogue.entry import ModelEntry
from llmscale.catalogue.summaries import ModelSummary, summaries, summary
from llmscale.catalogue.user import location
from llmscale.fit.subject import Bare, Counted, Model, listed, model_of
from llmscale.records import NamedTuple
from llmscale.sources.catalogue import of_entry, of_report
from llmscale.sources.interface import Loaded
from llmscale.sources.registry import load
from llmscale.speed.profile import ComputeProfile


class Entry(NamedTuple):
    """A model that is asked about with others.

    Attributes:
        reference: how it is called.
        profile: what decides its speed, of one that was compiled.
        own: whether it is of the user's catalogue.
    """

    model: Model
    reference: str
    profile: ComputeProfile | None = None
    catalogue: str | None = None
    own: bool = False

    def counted(self) -> Counted | Bare:
        """The model with its tensors, which a compiled one was made without."""
        return _counted(self.reference, self.catalogue)


@cache
def _counted(reference: str, catalogue: str | None) -> Counted | Bare:
    return model_of(load(reference, catalogue=catalogue).known())


def all_models(catalogue: str | None) -> Iterator[Entry]:
    """Every model of which anything is known, the user's own among them."""
    if location(catalogue) is None:
        yield from map(_shipped, summaries())
        return
    alike: dict[str, Counted | Bare] = {}
    for entry in model_catalogue.entries(catalogue):
        if entry.origin:
            if (model := _own(entry, alike)) is not None:
                yield Entry(model, entry.id, None, catalogue, own=True)
        elif (found := summary(entry.id)) is not None:
            yield _shipped(found)._replace(catalogue=catalogue)


def _own(entry: ModelEntry, alike: dict[str, Counted | Bare]) -> Counted | Bare | None:
    """A model of the user's; those of one config share what is worked out of it. None where nothing is known."""
    shape = json.dumps([entry.config, entry.context], sort_keys=True) if entry.config else entry.id
    if shape in alike:
        first = alike[shape]
        return replace(first, about=first.about._replace(id=entry.id, name=entry.name, source=entry.source))
    loaded = of_entry(entry)
    if isinstance(loaded, Loaded):
        alike[shape] = model_of(loaded.spec)
    return alike.get(shape)


def _shipped(found: ModelSummary) -> Entry:
    model = listed(found)
    if model is None or found.profile is None:
        report = found.parameters, found.active, found.limit
        return Entry(model_of(of_report(found.id, found.name, found.source, *report)), found.id)
    return Entry(model, found.id, ComputeProfile(*found.profile))
