"""All catalogue models at once, from what was computed when the catalogue was compiled: nothing is counted again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache, cached_property

from llmscale.catalogue.entries import entry_of, models
from llmscale.catalogue.entry import ModelEntry
from llmscale.catalogue.summaries import ModelSummary, shipped
from llmscale.catalogue.user import location, own
from llmscale.fit.bare import Bare
from llmscale.fit.subject import Counted, Listed, Model, listed, model_of
from llmscale.sources.catalogue import of_entry, of_report
from llmscale.sources.interface import Loaded
from llmscale.speed.profile import ComputeProfile
from llmscale.store.tables import table


class Entry:
    """A model that is asked about with others.

    Attributes:
        reference: how it is called.
        id: by which the catalogue has it.
        own: whether it is of the user's catalogue.
    """

    def __init__(self, reference: str, model: Counted | Bare | None = None, *, own: bool = False) -> None:
        """Without a `model` it is one that ships, of which what was compiled is read when somebody looks at it."""
        self.reference, self.own = reference, own
        self.id = reference
        if model is not None:
            self.model, self.id = model, model.about.id

    @cached_property
    def model(self) -> Model:
        """What is known of it."""
        return _shipped(self.reference)

    @cached_property
    def profile(self) -> ComputeProfile | None:
        """What decides the speed of one that was compiled."""
        if not isinstance(self.model, Listed) or self.model.summary.profile is None:
            return None
        return ComputeProfile(*self.model.summary.profile)

    def counted(self) -> Counted | Bare:
        """The model with its tensors, which a compiled one was made without."""
        return _counted(self.id) if isinstance(self.model, Listed) else self.model


@cache
def _counted(model_id: str) -> Counted | Bare:
    """That of a model that ships, whatever else goes by its id."""
    return model_of(of_entry(entry_of(table("models")["entries"][model_id])).known())


def all_models(catalogue: str | None) -> Iterator[Entry]:
    """Every model of which anything is known, the user's own among them."""
    path = location(catalogue)
    mine = dict(own(path)["entries"].items()) if path else {}
    known = shipped()
    alike: dict[str, Counted | Bare] = {}
    for model_id in models(catalogue)["entries"] if path else known:
        if model_id in mine:
            if (model := _own(entry_of(mine[model_id]), alike)) is not None:
                yield Entry(model_id, model, own=True)
        elif model_id in known:
            yield Entry(model_id)


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


def _shipped(model_id: str) -> Model:
    found = ModelSummary(*shipped()[model_id])
    model = listed(found)
    if model is None:
        return model_of(of_report(found.id, found.name, found.source, found.parameters, found.active, found.limit))
    return model
