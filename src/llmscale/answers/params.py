"""``params``: where the parameters of a model sit."""

from __future__ import annotations

from llmscale.answers.results.common import ModelRef
from llmscale.answers.results.params import ParameterCount, ParamsResult, RumourLine, TensorLine
from llmscale.catalogue.entry import ModelEntry
from llmscale.model.inventory import inventory
from llmscale.notes import Note, note
from llmscale.quantity import Basis
from llmscale.sources.interface import Loaded, Undisclosed
from llmscale.sources.registry import load


def params(reference: str, *, assume: str | None = None, catalogue: str | None = None) -> ParamsResult:
    """Where the parameters of a model sit; `assume` and `catalogue` as in `load`."""
    from llmscale.model.describe import tier

    loaded = load(reference, assume=assume, catalogue=catalogue)
    if isinstance(loaded, Undisclosed):
        return _undisclosed(loaded.entry)
    entry, spec = loaded.entry, loaded.spec
    parts = inventory(spec)
    components = parts.components()
    count = ParameterCount(
        total=parts.total(),
        active=parts.active(),
        untied_total=parts.untied_total(),
        embedding=components["embedding"],
        non_embedding=parts.total() - components["embedding"],
        components=components,
        active_without_input_embedding=parts.active() - parts.input_embedding(),
    )
    lines = tuple(
        TensorLine(g.name, g.role, g.component, g.shape, g.copies, g.parameters, g.tied_to) for g in parts.groups
    )
    return ParamsResult(
        model=ModelRef(spec.id, spec.name, spec.source, spec.basis.value),
        parameters=count,
        tier=tier(count.total).id,
        stated_parameters=entry.parameters if entry else None,
        stated_active_parameters=entry.active_parameters if entry else None,
        disclosure=entry.no_config if entry else "",
        rumours=_rumours(entry) if entry else (),
        tensors=lines,
        notes=_notes(loaded),
    )


def _undisclosed(entry: ModelEntry) -> ParamsResult:
    """What is said of a model of which nobody says how large it is."""
    rumours = _rumours(entry)
    model = ModelRef(entry.id, entry.name, entry.source, Basis.RUMOURED.value if rumours else "undisclosed")
    notes = (note("said", text=entry.note),) if entry.note else ()
    return ParamsResult(
        model, None, None, entry.parameters, entry.active_parameters, entry.undisclosed, rumours, (), notes
    )


def _rumours(entry: ModelEntry) -> tuple[RumourLine, ...]:
    return tuple(RumourLine(r.low, r.high, r.who, r.what, r.source) for r in entry.rumours)


def _notes(loaded: Loaded) -> tuple[Note, ...]:
    entry, spec = loaded.entry, loaded.spec
    said = [entry.difference, entry.note] if entry else []
    told = (note("said", text=sentence) for sentence in (*spec.warnings, *said, *loaded.beside) if sentence)
    return (*loaded.notes, *told)
