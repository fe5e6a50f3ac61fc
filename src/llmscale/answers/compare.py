"""``compare``: models side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from llmscale.answers.estimate import DEFAULT_QUANTS
from llmscale.answers.results.compare import ComparedModel, CompareResult
from llmscale.errors import UnsupportedModelError, UsageError
from llmscale.fit.subject import Model, model_of
from llmscale.formats.recipe import Quant
from llmscale.formats.select import selected
from llmscale.notes import Note, note
from llmscale.sources.interface import Loaded, Undisclosed
from llmscale.sources.registry import load


def compare(
    references: Sequence[str], quants: Iterable[str] = DEFAULT_QUANTS, *, catalogue: str | None = None
) -> CompareResult:
    """Two or more models side by side; what is not published stays empty."""
    if len(references) < 2:
        raise UsageError("compare takes two models or more.", "For example llmscale compare gpt-3 llama-2-70b.")
    forms, _ = selected(quants)
    columns: list[ComparedModel] = []
    notes: list[Note] = []
    for reference in references:
        loaded = load(reference, catalogue=catalogue)
        column = _column(loaded, forms, columns[0].parameters if columns else None)
        columns.append(column)
        said = (loaded.entry.undisclosed,) if isinstance(loaded, Undisclosed) else loaded.spec.warnings
        notes += [*loaded.notes, *(note("said_of", model=column.name, text=text) for text in said)]
    return CompareResult(tuple(columns), tuple(notes))


def _column(loaded: Loaded | Undisclosed, forms: Sequence[Quant], first: int | None) -> ComparedModel:
    from llmscale.model.describe import attention

    entry = loaded.entry
    spec = None if isinstance(loaded, Undisclosed) else loaded.spec
    model = model_of(spec) if spec else None
    total = model.about.parameters if model else None
    known = spec if spec and spec.shape_known else None
    ref = loaded.entry if isinstance(loaded, Undisclosed) else loaded.spec
    return ComparedModel(
        id=ref.id,
        name=ref.name,
        basis=spec.basis.value if spec else "undisclosed",
        parameters=total,
        active_parameters=model.about.active if model else None,
        layers=known.layers if known else None,
        hidden_size=known.hidden_size if known else None,
        attention=attention(known) if known else None,
        context=spec.max_context if spec else entry.context if entry else None,
        training_tokens=entry.training_tokens if entry else None,
        licence=entry.licence if entry else None,
        released=entry.released if entry else None,
        publisher=entry.publisher if entry else None,
        memory=_memory(model, forms) if model else {},
        ratio=(total / first if first else 1.0) if total else None,
        tokens_per_parameter=entry.training_tokens / total if entry and entry.training_tokens and total else None,
    )


def _memory(model: Model, quants: Sequence[Quant]) -> dict[str, int]:
    """Bytes of the weights in each quant that the model can be had in."""
    sizes = {}
    for quant in quants:
        try:
            sizes[quant.id] = model.weights(quant).value
        except UnsupportedModelError:
            continue
    return sizes
