"""A model of the catalogue: its own config.json keys take the road that a user's file takes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from llmscale.catalogue.entries import named
from llmscale.catalogue.entry import ModelEntry
from llmscale.model.spec import ModelSpec
from llmscale.notes import note
from llmscale.quantity import Basis
from llmscale.sources.interface import NOTHING, Claim, Loaded, LoadOptions, Undisclosed
from llmscale.sources.literal import reported

if TYPE_CHECKING:
    from llmscale.catalogue.published_files import PublishedFile

name, needs, assumes = "the catalogue", "", False
#: What is said of a mix that nothing but its file tells.
OWN_MIX = "own_mix"


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
    if not isinstance(found, Loaded):
        return found
    taken = found._replace(quant=meant.quant, notes=meant.notes)
    mixed = any(told.code == OWN_MIX for told in meant.notes)
    file = _published(reference) if mixed and found.spec.shape_known else None
    return with_published(taken, file) if file else taken


def _published(reference: str) -> PublishedFile | None:
    """The file that a name with a publisher's own mix in it means, where its size is known."""
    from llmscale.catalogue.published_files import of_repository
    from llmscale.catalogue.reading import read

    said = read(reference)
    return of_repository(said.owner, said.name, said.mix)


def with_published(loaded: Loaded, file: PublishedFile) -> Loaded:
    """The model with that file as the format that it is in."""
    from llmscale.formats.sized import GB, sized
    from llmscale.model.inventory import inventory

    form = sized(loaded.spec, inventory(loaded.spec), file.bytes, file.mix).quant
    size = f"{file.bytes / GB:,.2f}"
    told = note("published_file", file=file.name, size=size, bits=round(form.bits, 2), source=file.source)
    notes = (each for each in loaded.notes if each.code != OWN_MIX)
    return loaded._replace(stored=form, quant="", notes=(*notes, told))


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
