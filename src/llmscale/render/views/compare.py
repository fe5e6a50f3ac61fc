"""``compare``: one column a model, one row a fact."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from llmscale.answers.results.compare import ComparedModel, CompareResult
from llmscale.notes import note
from llmscale.quantity import Basis
from llmscale.render.report import Cell, Column, Report, table, whole, word
from llmscale.render.views.cells import counted, gib
from llmscale.render.words import Words

#: Models side by side that 80 columns have room for; more go below.
ABREAST = 4
#: What three digits do not hold.
LEAST_GROUPED = 999.5


def compare_view(result: CompareResult, say: Words) -> Report:
    """See the module."""
    facts: list[tuple[str, str, Callable[[ComparedModel], Cell]]] = [
        ("parameters", "Parameters", lambda m: counted(m.parameters, say, m.basis)),
        ("active_parameters", "Active", lambda m: counted(m.active_parameters, say, m.basis)),
        ("ratio", "Ratio", lambda m: Cell(m.ratio, "-" if m.ratio is None else f"{_ratio(m.ratio)}x")),
        ("layers", "Layers", lambda m: whole(m.layers)),
        ("hidden_size", "Hidden size", lambda m: whole(m.hidden_size)),
        ("attention", "Attention", lambda m: word(m.attention)),
        ("context", "Context", lambda m: whole(m.context)),
        ("training_tokens", "Training tokens", lambda m: counted(m.training_tokens, say)),
        ("tokens_per_parameter", "Tokens/param", lambda m: _per_parameter(m.tokens_per_parameter)),
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
        tables.append(table("", columns, rows)._replace(splits=True))
    told = tuple(say.sentence(told) for told in result.notes)
    return Report(tuple(tables), told, tuple(_differences(result.models, say)))


def _differences(models: Sequence[ComparedModel], say: Words) -> Iterator[str]:
    """How each differs from the first, in a sentence: parameters, and tokens for each where both are published."""
    first = models[0]
    for other in models[1:]:
        if not first.parameters or not other.parameters or not other.ratio:
            continue
        less = other.ratio < 1
        told = note(
            "compared",
            model=other.name,
            first=first.name,
            times=_ratio(1 / other.ratio if less else other.ratio),
            less=less,
            share=f"{100 * other.ratio:.3g} %",
            tokens=_digits(other.tokens_per_parameter),
            first_tokens=_digits(first.tokens_per_parameter),
        )
        yield say.sentence(told)


def _ratio(times: float) -> str:
    return f"{times:.3g}" if times < LEAST_GROUPED else f"{times:,.0f}"


def _digits(tokens: float | None) -> str:
    return "" if tokens is None else f"{tokens:,.0f}" if tokens >= 10 else f"{tokens:.2g}"


def _per_parameter(tokens: float | None) -> Cell:
    return Cell(tokens, _digits(tokens) or "-")


def _label(quant: str) -> str:
    return "FP16/BF16" if quant == "fp16" else quant.upper()


def _memory(model: ComparedModel, quant: str) -> Cell:
    size = model.memory.get(quant)
    known = model.basis in (Basis.EXACT.value, Basis.ASSUMED.value)
    return word(None) if size is None else gib(size, Basis.EXACT.value if known else model.basis)
