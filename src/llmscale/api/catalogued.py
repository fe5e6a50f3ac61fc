"""All catalogue models at once, from what was computed when the catalogue was compiled: nothing is counted again."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale import catalogue as model_catalogue
from llmscale.api.model import Model
from llmscale.catalogue import ModelEntry
from llmscale.families import published_in
from llmscale.results.common import SizedModelRef
from llmscale.shape import Shape
from llmscale.sources.catalogue import of_entry
from llmscale.spec import Basis
from llmscale.speed.motion import Motion


def all_models(catalogue: str | None) -> Iterator[Model]:
    """Every model of which anything is known, the user's own among them."""
    for entry in model_catalogue.entries(catalogue):
        model = _counted(entry) if entry.shape and not entry.origin else _loaded(entry)
        if model is not None:
            yield model


def _loaded(entry: ModelEntry) -> Model | None:
    spec = of_entry(entry).spec
    return Model.of(spec) if spec else None


def _counted(entry: ModelEntry) -> Model:
    assert entry.shape is not None
    assert entry.counted is not None
    assert entry.counted_active is not None
    shape = Shape.from_json(entry.shape)
    ref = SizedModelRef(entry.id, entry.name, entry.source, Basis.EXACT.value, entry.counted, entry.counted_active)
    return Model(
        ref=ref,
        limit=entry.context or shape.max_context,
        sequence=shape.sequence,
        shapes=(shape,),
        assumed=False,
        warnings=(),
        spec=None,
        parts=None,
        compiled=True,
        published_in=published_in(entry.config or {}),
        moves=Motion(*entry.motion) if entry.motion else None,
    )
