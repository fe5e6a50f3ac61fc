"""``compare``: one column a model, one row a fact."""

from __future__ import annotations

from collections.abc import Callable

from llmscale.answers.results.compare import ComparedModel, CompareResult
from llmscale.quantity import Basis
from llmscale.render.report import Cell, Column, Report, table, whole, word
from llmscale.render.views.cells import counted, gib
from llmscale.render.words import Words

#: Models side by side that 80 columns have room for; more go below.
ABREAST = 4


def compare_view(result: CompareResult, say: Words) -> Report:
    """See the module."""
    facts: list[tuple[str, str, Callable[[ComparedModel], Cell]]] = [
        ("parameters", "Parameters", lambda m: counted(m.parameters, say, m.basis)),
        ("active_parameters", "Active", lambda m: counted(m.active_parameters, say, m.basis)),
        ("ratio", "Ratio", lambda m: Cell(m.ratio, "-" if m.ratio is None else f"{m.ratio:.3g}x")),
        ("layers", "Layers", lambda m: whole(m.layers)),
        ("hidden_size", "Hidden size", lambda m: whole(m.hidden_size)),
        ("attention", "Attention", lambda m: word(m.attention)),
        ("context", "Context", lambda m: whole(m.context)),
        ("training_tokens", "Training tokens", lambda m: counted(m.training_tokens, say)),
        ("publisher", "Publisher", lambda m: word(m.publisher)),
        ("licence", "Licence", lambda m: word(m.licence)),
        ("released", "Released", lambda m: word(m.released)),
    ]
    quants = list(dict.fromkeys(q for m in result.models for q in m.memory))
    tables = []
    for start in range(0, len(result.models), ABREAST):
        models = result.models[start : start + ABREAST]
        columns = [Column("fact", "", right=False), *(Column(m.id, m.name, wraps=True) for m in models)]
        rows = [[Cell(key, say(name)), *(fact(m) for m in models)] for key, name, fact in facts]
        rows += [
            [Cell(f"{quant}_bytes", f"{_label(quant)} GiB"), *(_memory(m, quant) for m in models)] for quant in quants
        ]
        tables.append(table("", columns, rows))
    return Report(tuple(tables), tuple(say.sentence(told) for told in result.notes))


def _label(quant: str) -> str:
    return "FP16/BF16" if quant == "fp16" else quant.upper()


def _memory(model: ComparedModel, quant: str) -> Cell:
    size = model.memory.get(quant)
    known = model.basis in (Basis.EXACT.value, Basis.ASSUMED.value)
    return word(None) if size is None else gib(size, Basis.EXACT.value if known else model.basis)
