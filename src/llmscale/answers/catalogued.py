"""All catalogue models at once, from what was computed when the catalogue was compiled: nothing is counted again."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.answers.model import Model
from llmscale.answers.results.common import SizedModelRef
from llmscale.catalogue import entries as model_catalogue
from llmscale.catalogue.summaries import Outline, outline, outlines
from llmscale.catalogue.user import location
from llmscale.model.shape import Shape
from llmscale.quantity import Basis
from llmscale.sources.catalogue import of_entry, of_report
from llmscale.speed.profile import ComputeProfile


def all_models(catalogue: str | None) -> Iterator[Model]:
    """Every model of which anything is known, the user's own among them."""
    if location(catalogue) is None:
        yield from map(_shipped, outlines())
        return
    for entry in model_catalogue.entries(catalogue):
        if entry.origin:
            spec = of_entry(entry).spec
            if spec is not None:
                yield Model.of(spec)
        elif (found := outline(entry.id)) is not None:
            yield _shipped(found)


def _shipped(found: Outline) -> Model:
    if found.shape is None:
        report = found.parameters, found.active, found.limit
        return Model.of(of_report(found.id, found.name, found.source, *report))
    assert found.active is not None
    assert found.motion is not None
    shape = Shape.from_json(found.shape)
    return Model(
        ref=SizedModelRef(found.id, found.name, found.source, Basis.EXACT.value, found.parameters, found.active),
        limit=found.limit,
        sequence=shape.sequence,
        shapes=(shape,),
        assumed=False,
        warnings=(),
        spec=None,
        parts=None,
        compiled=True,
        published_in=found.published_in,
        family=found.family,
        compute_profile=ComputeProfile(*found.motion),
    )
