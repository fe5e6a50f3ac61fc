"""A model of the catalogue: its own config.json keys take the road that a user's file takes."""

from __future__ import annotations

from dataclasses import replace

from llmscale.catalogue.entries import named
from llmscale.catalogue.entry import ModelEntry
from llmscale.model.spec import ModelSpec
from llmscale.quantity import Basis
from llmscale.sources.interface import NOTHING, Claim, Loaded, LoadOptions, Undisclosed
from llmscale.sources.literal import reported

name, needs, assumes = "the catalogue", "", False


def claims(reference: str) -> Claim:
    """Any word may be a name."""
    return Claim.MAYBE


def load(reference: str, said: LoadOptions = NOTHING) -> Loaded | Undisclosed:
    """Find a catalogue model by any of its names.

    Raises:
        NotFoundError: no model, or several, go by that name.
        InputFileError: the user's catalogue cannot be read.
    """
    meant = named(reference, said.catalogue)
    found = of_entry(meant.entry)
    return found._replace(quant=meant.quant, notes=meant.notes) if isinstance(found, Loaded) else found


def of_entry(entry: ModelEntry) -> Loaded | Undisclosed:
    """What is known of a catalogue entry."""
    if entry.config:
        from llmscale.model.families import from_config

        spec = from_config(entry.config, entry.id)
        # What the config says goes before the publisher's prose, so that a model and its own config.json agree.
        context = spec.max_context or entry.context
        return Loaded(replace(spec, id=entry.id, name=entry.name, source=entry.source, max_context=context), entry)
    if entry.parameters:
        report = entry.parameters, entry.active_parameters, entry.context
        return Loaded(of_report(entry.id, entry.name, entry.source, *report), entry)
    return Undisclosed(entry)


def of_report(
    model_id: str, name: str, source: str, parameters: int, active: int | None, context: int | None
) -> ModelSpec:
    """The spec of a model of which only the size was published."""
    return replace(reported(name, parameters, active, Basis.REPORTED, context), id=model_id, source=source)
